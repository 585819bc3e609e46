// SPDX-License-Identifier: Apache-2.0
//
// File: log_metrics.h
//
// What Prometheus sees of the log itself.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_LOG_METRICS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_LOG_METRICS_H_

#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

namespace evalrun::observability {

class AccessLog;
class LineSink;

// Thread-safe.
class LogMetrics final : public prometheus::Collectable {
 public:
  // Both outlive this object.
  LogMetrics(const LineSink* sink, const AccessLog* access_log)
      : sink_(*sink), access_log_(*access_log) {}

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const LineSink& sink_;
  const AccessLog& access_log_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_LOG_METRICS_H_
