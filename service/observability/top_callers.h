// SPDX-License-Identifier: Apache-2.0
//
// File: top_callers.h
//
// Who calls and deletes most: known before anybody has set a limit.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_TOP_CALLERS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_TOP_CALLERS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "service/observability/call_record.h"
#include "service/observability/space_saving.h"
#include "service/observability/time_slices.h"

namespace evalrun::observability {

// What a caller did within the window.
struct CallerActivity {
  std::string caller;  // valid UTF-8, at most SpaceSaving::kMaxKeyBytes
  std::uint64_t calls = 0;
  // Of these, calls after which the run was no longer there: `performed` and `presumed`.
  std::uint64_t deleted_runs = 0;

  bool operator==(const CallerActivity&) const = default;
};

// Thread-safe. Its memory is bounded. Counts are exact while no slice has more than
// SpaceSaving::kCapacity callers; with more they are too small by at most 1/kCapacity of all.
class TopCallers final : public prometheus::Collectable {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::size_t kReported = 10;
  static constexpr std::size_t kSlices = 10;
  static constexpr std::chrono::seconds kSliceLength{30};
  // The latest slice is not over yet, so that the window is up to one slice shorter.
  static constexpr std::chrono::seconds kWindow = kSlices * kSliceLength;

  // Does not allocate in the steady state (space_saving.h).
  void OnCallCompleted(const CallRecord& record, TimePoint now);

  // Those of the kReported callers with the most calls, and of as many with the most deleted runs;
  // the one with the most calls first.
  [[nodiscard]] std::vector<CallerActivity> Top(TimePoint now) const;

  // The families at `now`, with kReported series at most: those that are not 0.
  [[nodiscard]] std::vector<prometheus::MetricFamily> MakeFamilies(TimePoint now) const;
  // The same at the present time.
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override {
    return MakeFamilies(std::chrono::steady_clock::now());
  }

 private:
  struct Slice {
    SpaceSaving calls;
    SpaceSaving deleted_runs;

    void Clear() {
      calls.Clear();
      deleted_runs.Clear();
    }
  };

  // All callers that are known.
  [[nodiscard]] std::vector<CallerActivity> Activities(TimePoint now) const;

  mutable std::mutex mutex_;
  TimeSlices<Slice, kSlices, kSliceLength.count()> slices_;  // guarded by mutex_
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_TOP_CALLERS_H_
