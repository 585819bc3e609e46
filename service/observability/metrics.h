// SPDX-License-Identifier: Apache-2.0
//
// File: metrics.h
//
// The Prometheus metrics. All label sets exist from the start, so that every rate begins at 0 and
// no alert expression is empty on a new process. README.md lists the metrics; a golden test checks
// their names and labels.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_METRICS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_METRICS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>

#include "rest_backend/deletion/admission_controller.h"
#include "rest_backend/deletion/attempt_result.h"
#include "service/observability/call_record.h"
#include "service/observability/status_code_name.h"

namespace evalrun::observability {

// The upper bounds in seconds of the latency histograms' buckets: from this gateway's own overhead
// (a few hundred microseconds) to the longest deadlines. `1` is the objective in deploy/prometheus.
inline constexpr std::array kLatencyBounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                              0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                              1.0,    2.5,     5.0,    10.0,  30.0};

// What has been counted since the start.
struct CallTotals {
  std::uint64_t calls = 0;     // completed
  std::uint64_t failed = 0;    // of these, by call_failure.h
  std::uint64_t attempts = 0;  // completed
  std::uint64_t retries = 0;
  // Calls by duration: one count for each bucket, not cumulative, and one for those above all
  // bounds.
  std::array<std::uint64_t, kLatencyBounds.size() + 1> latency{};

  bool operator==(const CallTotals&) const = default;
};

// Thread-safe. The series are resolved once, here; counting is an addition.
class Metrics {
 public:
  Metrics();

  void OnCallStarted();
  // The response has been handed to gRPC.
  void OnCallCompleted(const CallRecord& record);
  // An attempt has ended.
  void OnAttemptDone(const deletion::AttemptResult& result);

  // An attempt is being retried.
  void OnRetry();
  void OnCallRejected(deletion::RejectReason reason);

  // The registry in which other parts register their own metrics. Thread-safe; valid for the
  // lifetime of this object.
  [[nodiscard]] prometheus::Registry* registry() { return &registry_; }

  // A method was called that this server does not have; the response is UNIMPLEMENTED.
  void OnUnknownMethod();

  // Adds what is read only when Prometheus asks. Before the first Collect(); `source` outlives this
  // object's use.
  void AddSource(const prometheus::Collectable* source) { sources_.push_back(source); }

  [[nodiscard]] CallTotals Totals() const;

  // All families, those of the sources included.
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const;
  // The same in Prometheus' text format, version 0.0.4.
  [[nodiscard]] std::string Expose() const;

 private:
  static constexpr std::size_t kStatusClasses = 6;  // 1xx to 5xx, and no response

  prometheus::Registry registry_;
  std::vector<const prometheus::Collectable*> sources_;
  prometheus::Counter* started_;
  prometheus::Counter* unknown_started_;  // for methods that do not exist
  prometheus::Counter* unknown_handled_;
  prometheus::Counter* received_;
  prometheus::Counter* sent_;
  std::array<prometheus::Counter*, kStatusCodeCount> handled_{};
  // There is no series for a code that is never a failure.
  std::array<prometheus::Counter*, kStatusCodeCount> failed_{};
  prometheus::Histogram* handling_seconds_;
  std::array<prometheus::Counter*, deletion::kCertaintyCount> deletions_{};
  std::array<prometheus::Histogram*, kStatusClasses> request_seconds_{};
  // There is no series for kNone.
  std::array<prometheus::Counter*, authz::kAccessDecisionCount> access_decisions_{};
  prometheus::Counter* suppressed_duplicates_;
  prometheus::Counter* unrecognized_404_;
  prometheus::Counter* unauthorized_;
  prometheus::Counter* forbidden_;
  prometheus::Counter* retries_;
  // By RetryStop; there is no series for kNone.
  std::array<prometheus::Counter*, deletion::kRetryStopCount> retries_stopped_{};
  std::array<prometheus::Counter*, deletion::kRejectReasonCount> rejected_{};
  prometheus::Counter* connections_reused_;
  prometheus::Counter* run_protected_;
  prometheus::Counter* audit_unavailable_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_METRICS_H_
