// SPDX-License-Identifier: Apache-2.0
//
// File: bucket_table.h
//
// A hash table with the state of each limited key, bounded in size and allocated once.
//
// A key whose TAT (gcra.h) is not ahead of now is idle: its state equals that of a new key, so
// forgetting it loses nothing. When the table is full, the least recently used key is evicted if it
// is idle. If none of the oldest keys is idle, the new key gets no entry, and the user of the table
// charges it to an overflow key that is shared with others.
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

  // For at most `capacity` keys, which is above 0.
  explicit BucketTable(std::size_t capacity);

  // Finds or creates the key's entry and makes it the most recently used. A new entry has the TAT
  // 0. Returns kNone when the table is full. Keys are compared by their hash alone: with 64
  // well-mixed bits, the probability that any two of a million keys collide is 3 in 100 million.
  [[nodiscard]] Index Find(Hash hash, std::int64_t now);

  [[nodiscard]] std::int64_t& tat(Index index) { return entries_[index].tat; }
  // The key that the entry belongs to now: after an eviction an index belongs to another key.
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

  std::vector<Index> chain_heads_;  // heads of the hash chains; their number is a power of two
  // The last entry is the sentinel of the LRU list: its `newer` is the oldest key, its `older` the
  // newest.
  std::vector<Entry> entries_;
  Index lru_sentinel_;
  std::size_t size_ = 0;
  std::uint64_t evicted_ = 0;
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_BUCKET_TABLE_H_
