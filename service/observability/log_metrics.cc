// SPDX-License-Identifier: Apache-2.0

#include "service/observability/log_metrics.h"

#include "service/observability/access_log.h"
#include "service/observability/line_sink.h"
#include "service/observability/metric_family.h"

namespace evalrun::observability {

std::vector<prometheus::MetricFamily> LogMetrics::Collect() const {
  return {
      MakeCounterFamily("gateway_log_lines_dropped_total",
                        "Log lines dropped because standard output was too slow.",
                        static_cast<double>(sink_.dropped_lines())),
      MakeCounterFamily("gateway_log_refusals_left_out_total",
                        "Access log lines of calls that a rate limit rejected which were left out.",
                        static_cast<double>(access_log_.rejections_omitted()))};
}

}  // namespace evalrun::observability
