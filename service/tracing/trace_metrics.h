// SPDX-License-Identifier: Apache-2.0
//
// File: trace_metrics.h
//
// What Prometheus sees of the export of spans.
#ifndef EVALRUN_SERVICE_TRACING_TRACE_METRICS_H_
#define EVALRUN_SERVICE_TRACING_TRACE_METRICS_H_

#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

namespace evalrun::tracing {

class SpanExporter;

// Thread-safe.
class TraceMetrics final : public prometheus::Collectable {
 public:
  // `exporter` outlives this object; null: nothing is traced.
  explicit TraceMetrics(const SpanExporter* exporter) : exporter_(exporter) {}

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const SpanExporter* const exporter_;
};

}  // namespace evalrun::tracing

#endif  // EVALRUN_SERVICE_TRACING_TRACE_METRICS_H_
