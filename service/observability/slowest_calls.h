// SPDX-License-Identifier: Apache-2.0
//
// File: slowest_calls.h
//
// The calls that took longest lately, for display on the admin port.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_SLOWEST_CALLS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_SLOWEST_CALLS_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "service/observability/call_record.h"
#include "service/observability/time_slices.h"

namespace evalrun::observability {

// As in CallRecord.
struct SlowCall {
  std::chrono::system_clock::time_point completed;
  std::chrono::microseconds duration{0};
  std::chrono::microseconds last_attempt_duration{0};  // 0: there was no attempt
  int attempts = 0;
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string request_id;
  std::string caller;
  std::string eval_run_uuid;
};

// Thread-safe. Its memory is bounded.
class SlowestCalls {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::size_t kReported = 10;
  static constexpr std::size_t kSlices = 10;
  static constexpr std::chrono::seconds kSliceLength{60};
  // The latest slice is not over yet, so that the window is up to one slice shorter.
  static constexpr std::chrono::seconds kWindow = kSlices * kSliceLength;

  // `now` and `completed` are the same time by two clocks.
  void OnCallCompleted(const CallRecord& record, TimePoint now,
                       std::chrono::system_clock::time_point completed);
  // At most kReported calls of the window, the slowest first.
  [[nodiscard]] std::vector<SlowCall> SlowestFirst(TimePoint now) const;

 private:
  struct Slice {
    std::array<SlowCall, kReported> calls;
    std::size_t size = 0;
    std::size_t fastest = 0;  // the one that the next slower call replaces, once all are used

    void Clear() { size = 0; }
  };

  mutable std::mutex mutex_;
  TimeSlices<Slice, kSlices, kSliceLength.count()> slices_;  // guarded by mutex_
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_SLOWEST_CALLS_H_
