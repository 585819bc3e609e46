// SPDX-License-Identifier: Apache-2.0
//
// File: call_history.h
//
// How calls have fared in the last minutes, so that the page on the admin port shows it as soon as
// it is opened. Prometheus has the long history.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_CALL_HISTORY_H_
#define EVALRUN_SERVICE_OBSERVABILITY_CALL_HISTORY_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "service/observability/metrics.h"

namespace evalrun::observability {

// What happened within one interval.
struct HistorySample {
  std::chrono::steady_clock::time_point end;
  std::chrono::nanoseconds length{0};
  CallTotals totals;          // of this interval only
  std::size_t in_flight = 0;  // calls at its end
};

// Thread-safe. Its memory is fixed: the latest kCapacity samples.
class CallHistory {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::seconds kInterval{5};
  static constexpr std::size_t kCapacity = 120;  // ten minutes

  // `start` is when all totals were 0.
  explicit CallHistory(TimePoint start) : last_end_(start) {}

  // Adds what has happened since the last time. `totals` count from the start, and `now` increases.
  // Intended to be called every kInterval.
  void Add(const CallTotals& totals, std::size_t in_flight, TimePoint now);

  // The oldest first, and at last the interval that is not over yet: what has happened since the
  // latest sample. The arguments are those that Add() would get now.
  [[nodiscard]] std::vector<HistorySample> Samples(const CallTotals& totals, std::size_t in_flight,
                                                   TimePoint now) const;

 private:
  [[nodiscard]] HistorySample SinceLatest(const CallTotals& totals, std::size_t in_flight,
                                          TimePoint now) const;

  mutable std::mutex mutex_;
  // All are guarded by mutex_.
  CallTotals last_totals_;
  TimePoint last_end_;
  std::array<HistorySample, kCapacity> samples_;
  std::size_t added_ = 0;  // since the start; the place of the next is its remainder
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_CALL_HISTORY_H_
