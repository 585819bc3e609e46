// SPDX-License-Identifier: Apache-2.0

#include "service/ratelimit/bucket_table.h"

#include <bit>

namespace evalrun::ratelimit {
namespace {

// How many of the oldest keys are checked for an idle one. Those that are not idle are moved among
// the newest, so that the next search checks others.
constexpr int kMaxProbes = 8;

}  // namespace

BucketTable::BucketTable(std::size_t capacity)
    : chain_heads_(std::bit_ceil(capacity), kNone),
      entries_(capacity + 1),
      lru_sentinel_(static_cast<Index>(capacity)) {
  entries_[lru_sentinel_].older = entries_[lru_sentinel_].newer = lru_sentinel_;
}

BucketTable::Index BucketTable::Find(Hash hash, std::int64_t now) {
  for (Index i = ChainHead(hash); i != kNone; i = entries_[i].next_in_chain) {
    if (entries_[i].hash != hash) continue;
    Unlink(i);
    LinkAsNewest(i);
    return i;
  }
  const Index index = AllocateEntry(now);
  if (index == kNone) return kNone;
  Entry& entry = entries_[index];
  entry.hash = hash;
  entry.tat = 0;
  entry.next_in_chain = ChainHead(hash);
  ChainHead(hash) = index;
  LinkAsNewest(index);
  return index;
}

BucketTable::Index BucketTable::AllocateEntry(std::int64_t now) {
  if (size_ < capacity()) return static_cast<Index>(size_++);
  for (int probe = 0; probe < kMaxProbes; ++probe) {
    const Index oldest = entries_[lru_sentinel_].newer;
    Unlink(oldest);
    if (entries_[oldest].tat <= now) {
      RemoveFromChain(oldest);
      ++evicted_;
      return oldest;
    }
    LinkAsNewest(oldest);
  }
  return kNone;
}

void BucketTable::Unlink(Index index) {
  const Entry& entry = entries_[index];
  entries_[entry.older].newer = entry.newer;
  entries_[entry.newer].older = entry.older;
}

void BucketTable::LinkAsNewest(Index index) {
  const Index newest = entries_[lru_sentinel_].older;
  entries_[index].older = newest;
  entries_[index].newer = lru_sentinel_;
  entries_[newest].newer = index;
  entries_[lru_sentinel_].older = index;
}

void BucketTable::RemoveFromChain(Index index) {
  Index* link = &ChainHead(entries_[index].hash);
  while (*link != index) link = &entries_[*link].next_in_chain;
  *link = entries_[index].next_in_chain;
}

}  // namespace evalrun::ratelimit
