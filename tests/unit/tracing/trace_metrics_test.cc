// SPDX-License-Identifier: Apache-2.0

#include "service/tracing/trace_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::tracing {
namespace {

TEST(TraceMetricsTest, ExistAlsoWhenNothingIsTraced) {
  const std::vector<prometheus::MetricFamily> families = TraceMetrics(nullptr).Collect();
  ASSERT_EQ(families.size(), 2U);
  EXPECT_EQ(families[0].name, "gateway_trace_spans_exported_total");
  EXPECT_EQ(families[1].name, "gateway_trace_spans_dropped_total");
  std::vector<std::string> causes;
  for (const prometheus::ClientMetric& metric : families[1].metric) {
    causes.push_back(metric.label.at(0).value);
    EXPECT_EQ(metric.counter.value, 0);
  }
  EXPECT_THAT(causes, testing::ElementsAre("queue_full", "rejected", "unavailable"));
}

}  // namespace
}  // namespace evalrun::tracing
