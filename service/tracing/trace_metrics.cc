// SPDX-License-Identifier: Apache-2.0

#include "service/tracing/trace_metrics.h"

#include <cstdint>

#include "service/observability/metric_family.h"
#include "service/tracing/span_exporter.h"

namespace evalrun::tracing {

std::vector<prometheus::MetricFamily> TraceMetrics::Collect() const {
  const auto read = [this](std::uint64_t (SpanExporter::*count)() const) {
    return exporter_ == nullptr ? 0.0 : static_cast<double>((exporter_->*count)());
  };
  return {observability::MakeCounterFamily("gateway_trace_spans_exported_total",
                                           "Spans that the collector has accepted.",
                                           read(&SpanExporter::exported)),
          observability::MakeCounterFamily(
              "gateway_trace_spans_dropped_total", "Spans that were dropped.", "cause",
              {{"queue_full", read(&SpanExporter::dropped_queue_full)},
               {"rejected", read(&SpanExporter::dropped_rejected)},
               {"unavailable", read(&SpanExporter::dropped_unavailable)}})};
}

}  // namespace evalrun::tracing
