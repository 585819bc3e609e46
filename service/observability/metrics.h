// File: metrics.h
//
// The Prometheus metrics. All label sets exist from the start, so that every rate begins at 0 and
// no alert expression is empty on a new process. README.md lists the metrics; a golden test checks
// their names and labels.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_METRICS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_METRICS_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>

#include "rest_backend/deletion/admission_controller.h"
#include "rest_backend/deletion/attempt_result.h"
#include "service/observability/call_record.h"
#include "service/observability/limit_metrics.h"
#include "service/observability/status_code_name.h"

namespace evalrun::observability {

// Values that are counted elsewhere and read when Prometheus collects.
struct MetricsSnapshot {
  std::uint64_t calls_in_flight = 0;
  std::uint64_t connections_shed = 0;
  std::uint64_t connections_opened = 0;
  std::uint64_t connections_closed = 0;
  std::uint64_t log_lines_dropped = 0;
  std::uint64_t retry_after_gate_closures = 0;
  std::chrono::milliseconds retry_after_gate_remaining{0};
  std::int64_t retry_budget_saved = 0;
  std::uint64_t log_rejections_omitted = 0;
  LimitSnapshot limits = {};
};

// Thread-safe. The series are looked up once, at construction, so that counting is one addition.
class Metrics {
 public:
  Metrics();

  void OnCallStarted();
  void OnCallCompleted(const CallRecord& record);
  // An attempt has ended.
  void OnAttemptDone(const deletion::AttemptResult& result);

  // An attempt is being retried.
  void OnRetry();
  void OnCallRejected(deletion::RejectReason refusal);

  // The registry in which other parts register their own metrics. Thread-safe; valid for the
  // lifetime of this object.
  [[nodiscard]] prometheus::Registry* registry() { return &registry_; }

  // A method was called that this server does not have; the response is UNIMPLEMENTED.
  void OnUnknownMethod();

  // All metrics, updated from `snapshot`.
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect(const MetricsSnapshot& snapshot);
  // All metrics in Prometheus' text format, version 0.0.4.
  [[nodiscard]] std::string Expose(const MetricsSnapshot& snapshot);

 private:
  static constexpr std::size_t kStatusClasses = 6;  // 1xx to 5xx, and no response

  prometheus::Registry registry_;
  LimitMetrics limits_{&registry_};
  prometheus::Counter* started_;
  prometheus::Counter* unknown_started_;  // for methods that do not exist
  prometheus::Counter* unknown_handled_;
  prometheus::Counter* received_;
  prometheus::Counter* sent_;
  std::array<prometheus::Counter*, kStatusCodeCount> handled_{};
  prometheus::Histogram* handling_seconds_;
  std::array<prometheus::Counter*, deletion::kCertaintyCount> deletions_{};
  std::array<prometheus::Histogram*, kStatusClasses> request_seconds_{};
  // There is no series for kNone.
  std::array<prometheus::Counter*, authz::kAccessDecisionCount> access_decisions_{};
  prometheus::Counter* suppressed_duplicates_;
  prometheus::Counter* unrecognized_404_;
  prometheus::Counter* unauthorized_;
  prometheus::Counter* retries_;
  // By RetryStop; there is no series for kNone.
  std::array<prometheus::Counter*, deletion::kRetryStopCount> retries_stopped_{};
  prometheus::Gauge* retry_budget_;
  std::array<prometheus::Counter*, deletion::kRejectReasonCount> rejected_{};
  prometheus::Counter* retry_after_gate_closures_;
  prometheus::Gauge* retry_after_gate_seconds_;
  prometheus::Gauge* calls_in_flight_;
  prometheus::Counter* connections_shed_;
  prometheus::Gauge* connections_open_;
  prometheus::Counter* connections_opened_;
  prometheus::Counter* connections_reused_;
  prometheus::Counter* log_lines_dropped_;
  prometheus::Counter* log_rejections_omitted_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_METRICS_H_
