// SPDX-License-Identifier: Apache-2.0

#include "service/observability/limit_metrics.h"

#include <utility>

#include "service/observability/metric_family.h"

namespace evalrun::observability {
std::vector<prometheus::MetricFamily> MakeLimitFamilies(const LimitSnapshot& limits) {
  prometheus::MetricFamily decisions;
  decisions.name = "gateway_limiter_decisions_total";
  decisions.help = "Decisions of rate limits on calls.";
  decisions.type = prometheus::MetricType::Counter;
  const auto add = [&](const std::string& rule, const char* decision, std::uint64_t count) {
    prometheus::ClientMetric metric;
    metric.label = {{"decision", decision}, {"rule", rule}};
    metric.counter.value = static_cast<double>(count);
    decisions.metric.push_back(std::move(metric));
  };
  for (const LimitSnapshot::Rule& rule : limits.rules) {
    add(rule.name, "allowed", rule.allowed);
    add(rule.name, "denied", rule.denied);
    add(rule.name, "shadow_denied", rule.shadow_denied);
  }
  return {std::move(decisions),
          MakeGaugeFamily(
              "gateway_limiter_keys",
              "Callers, workspaces and other subjects of limits that are tracked, once per rule.",
              static_cast<double>(limits.keys)),
          MakeCounterFamily("gateway_limiter_keys_evicted_total", "Idle keys that were evicted.",
                            static_cast<double>(limits.evicted)),
          MakeCounterFamily("gateway_limiter_overflowed_total",
                            "Calls that were counted by the shared limit, because there was no "
                            "capacity for their key.",
                            static_cast<double>(limits.overflowed))};
}

}  // namespace evalrun::observability
