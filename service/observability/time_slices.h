// SPDX-License-Identifier: Apache-2.0
//
// File: time_slices.h
//
// A sliding window of time, in slices: what is older than the window is forgotten a slice at a
// time. Pure.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_TIME_SLICES_H_
#define EVALRUN_SERVICE_OBSERVABILITY_TIME_SLICES_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace evalrun::observability {

// The last `kCount` slices of `kLength`, of which the latest is not over yet. `Slice` has Clear(),
// which may keep its memory. Times are not negative. Not thread-safe.
template <typename Slice, std::size_t kCount, std::chrono::seconds::rep kSecondsPerSlice>
class TimeSlices {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kLength{kSecondsPerSlice};

  // The slice that `now` is in.
  Slice& At(TimePoint now) {
    const std::int64_t number = NumberAt(now);
    Entry& entry = entries_[static_cast<std::size_t>(number) % kCount];
    if (entry.number != number) {
      entry.number = number;
      entry.slice.Clear();
    }
    return entry.slice;
  }

  // Calls `visit(slice)` for all slices of the window that ends now.
  template <typename Visitor>
  void ForEach(TimePoint now, Visitor visit) const {
    const std::int64_t oldest = NumberAt(now) - static_cast<std::int64_t>(kCount) + 1;
    for (const Entry& entry : entries_) {
      if (entry.number >= 0 && entry.number >= oldest) visit(entry.slice);
    }
  }

 private:
  struct Entry {
    std::int64_t number = -1;  // of slices since the clock's epoch; -1: not used yet
    Slice slice;
  };

  [[nodiscard]] static std::int64_t NumberAt(TimePoint now) {
    return now.time_since_epoch() / kLength;
  }

  std::array<Entry, kCount> entries_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_TIME_SLICES_H_
