// SPDX-License-Identifier: Apache-2.0

#include "service/observability/metric_family.h"

#include <utility>

namespace evalrun::observability {
namespace {

prometheus::MetricFamily MakeFamily(prometheus::MetricType type, std::string name, std::string help,
                                    const prometheus::ClientMetric& metric) {
  prometheus::MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  family.metric.push_back(metric);
  return family;
}

}  // namespace

prometheus::MetricFamily MakeCounterFamily(std::string name, std::string help, double value) {
  prometheus::ClientMetric metric;
  metric.counter.value = value;
  return MakeFamily(prometheus::MetricType::Counter, std::move(name), std::move(help), metric);
}

prometheus::MetricFamily MakeGaugeFamily(std::string name, std::string help, double value) {
  prometheus::ClientMetric metric;
  metric.gauge.value = value;
  return MakeFamily(prometheus::MetricType::Gauge, std::move(name), std::move(help), metric);
}

prometheus::MetricFamily MakeCounterFamily(
    std::string name, std::string help, const std::string& label,
    const std::vector<std::pair<std::string, double>>& values) {
  prometheus::MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = prometheus::MetricType::Counter;
  for (const auto& [label_value, value] : values) {
    prometheus::ClientMetric metric;
    metric.label.push_back({label, label_value});
    metric.counter.value = value;
    family.metric.push_back(std::move(metric));
  }
  return family;
}

}  // namespace evalrun::observability
