#include "service/ratelimit/key_table.h"

#include <bit>

namespace evalrun::ratelimit {
namespace {

// How many of the oldest keys are looked at for an idle one. Those that are not are put back among
// the newest, so that the next search finds others.
constexpr int kMostLooks = 8;

}  // namespace

KeyTable::KeyTable(std::size_t capacity)
    : buckets_(std::bit_ceil(capacity), kNone),
      entries_(capacity + 1),
      ring_(static_cast<Index>(capacity)) {
  entries_[ring_].older = entries_[ring_].newer = ring_;
}

KeyTable::Index KeyTable::Find(Hash hash, std::int64_t now) {
  for (Index i = Bucket(hash); i != kNone; i = entries_[i].next_in_bucket) {
    if (entries_[i].hash != hash) continue;
    Unlink(i);
    LinkAsNewest(i);
    return i;
  }
  const Index index = TakeEntry(now);
  if (index == kNone) return kNone;
  Entry& entry = entries_[index];
  entry.hash = hash;
  entry.tat = 0;
  entry.next_in_bucket = Bucket(hash);
  Bucket(hash) = index;
  LinkAsNewest(index);
  return index;
}

KeyTable::Index KeyTable::TakeEntry(std::int64_t now) {
  if (size_ < capacity()) return static_cast<Index>(size_++);
  for (int look = 0; look < kMostLooks; ++look) {
    const Index oldest = entries_[ring_].newer;
    Unlink(oldest);
    if (entries_[oldest].tat <= now) {
      RemoveFromBucket(oldest);
      ++evicted_;
      return oldest;
    }
    LinkAsNewest(oldest);
  }
  return kNone;
}

void KeyTable::Unlink(Index index) {
  const Entry& entry = entries_[index];
  entries_[entry.older].newer = entry.newer;
  entries_[entry.newer].older = entry.older;
}

void KeyTable::LinkAsNewest(Index index) {
  const Index newest = entries_[ring_].older;
  entries_[index].older = newest;
  entries_[index].newer = ring_;
  entries_[newest].newer = index;
  entries_[ring_].older = index;
}

void KeyTable::RemoveFromBucket(Index index) {
  Index* link = &Bucket(entries_[index].hash);
  while (*link != index) link = &entries_[*link].next_in_bucket;
  *link = entries_[index].next_in_bucket;
}

}  // namespace evalrun::ratelimit
