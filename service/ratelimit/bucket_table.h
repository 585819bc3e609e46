// File: bucket_table.h
//
// What is remembered of each limited key: a bounded number of them, in memory that is taken once.
//
// A key whose TAT (gcra.h) is not ahead of now has nothing to remember: forgetting it is no loss.
// So when the table is full, the key that was used longest ago makes room if it is such an idle
// one. When there is no idle key among the oldest, the newcomer gets none, and the caller of this
// table charges it to a key that it shares with others.
#ifndef EVALRUN_SERVICE_RATELIMIT_BUCKET_TABLE_H_
#define EVALRUN_SERVICE_RATELIMIT_BUCKET_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace evalrun::ratelimit {

// Not thread-safe. Find() takes constant time and allocates nothing.
class BucketTable {
 public:
  using Hash = std::uint64_t;
  using Index = std::uint32_t;
  static constexpr Index kNone = ~Index{0};

  // For `capacity` keys, above 0.
  explicit BucketTable(std::size_t capacity);

  // The key's entry, which becomes the most recently used; a new one has the TAT 0. kNone: there is
  // no room. Keys are told apart by their hash alone: with 64 well-mixed bits two of a million keys
  // share one with a probability of 3 in 100 million.
  [[nodiscard]] Index Find(Hash hash, std::int64_t now);

  [[nodiscard]] std::int64_t& tat(Index index) { return entries_[index].tat; }
  // Whose entry it is now: an index is another key's after an eviction.
  [[nodiscard]] Hash hash(Index index) const { return entries_[index].hash; }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return entries_.size() - 1; }
  [[nodiscard]] std::uint64_t evicted() const { return evicted_; }

 private:
  struct Entry {
    Hash hash = 0;
    std::int64_t tat = 0;
    Index next_in_chain = kNone;
    Index older = kNone;
    Index newer = kNone;
  };

  [[nodiscard]] Index& ChainHead(Hash hash) {
    return chain_heads_[hash & (chain_heads_.size() - 1)];
  }
  [[nodiscard]] Index AllocateEntry(std::int64_t now);
  void Unlink(Index index);
  void LinkAsNewest(Index index);
  void RemoveFromChain(Index index);

  std::vector<Index> chain_heads_;  // heads of chains; a power of two of them
  // The last one is the ring's end: its `newer` is the oldest key, its `older` the newest.
  std::vector<Entry> entries_;
  Index lru_sentinel_;
  std::size_t size_ = 0;
  std::uint64_t evicted_ = 0;
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_BUCKET_TABLE_H_
