// SPDX-License-Identifier: Apache-2.0

#include "service/observability/status_json.h"

#include <nlohmann/json.hpp>

#include "service/observability/status_code_name.h"
#include "service/observability/unix_time.h"

namespace evalrun::observability {
namespace {

using nlohmann::json;

// {"labels": {}, "value": 1}, or for a histogram {"labels", "count", "sum", "buckets": [[le, n]]},
// with cumulative counts and without the last bucket, which equals the count.
json SeriesToJson(const prometheus::ClientMetric& metric, prometheus::MetricType type) {
  json labels = json::object();
  for (const auto& label : metric.label) labels[label.name] = label.value;
  json series = {{"labels", std::move(labels)}};
  if (type == prometheus::MetricType::Counter) {
    series["value"] = metric.counter.value;
  } else if (type == prometheus::MetricType::Gauge) {
    series["value"] = metric.gauge.value;
  } else if (type == prometheus::MetricType::Histogram) {
    series["count"] = metric.histogram.sample_count;
    series["sum"] = metric.histogram.sample_sum;
    json buckets = json::array();
    for (const auto& bucket : metric.histogram.bucket) {
      buckets.push_back({bucket.upper_bound, bucket.cumulative_count});
    }
    buckets.erase(buckets.size() - 1);  // +Inf, which JSON cannot represent
    series["buckets"] = std::move(buckets);
  }
  return series;
}

json ToJson(const ErrorGroup& group) {
  return {{"code", StatusCodeName(group.code)},
          {"reason", group.reason},
          {"http_status", group.http_status},
          {"limited_by", group.limited_by},
          {"count", group.count},
          {"first", UnixSeconds(group.first)},
          {"last", UnixSeconds(group.last)},
          {"request_id", group.request_id},
          {"caller", group.caller},
          {"eval_run_uuid", group.eval_run_uuid},
          {"deletion", deletion::CertaintyName(group.certainty)}};
}

json ToJson(const LimitSnapshot& limits) {
  json rules = json::array();
  for (const LimitSnapshot::Rule& rule : limits.rules) {
    rules.push_back({{"name", rule.name},
                     {"by", rule.by},
                     {"interval", std::chrono::duration<double>(rule.interval).count()},
                     {"burst", rule.burst},
                     {"shadow", rule.shadow}});
  }
  json near = json::array();
  for (const LimitSnapshot::HotKey& entry : limits.near) {
    near.push_back({{"rule", entry.rule},
                    {"subject", entry.subject},
                    {"used", entry.used},
                    {"denied", entry.denied}});
  }
  return {{"rules", std::move(rules)}, {"near", std::move(near)}};
}

}  // namespace

std::string StatusJson(const AdminStatus& status) {
  json metrics = json::object();
  for (const prometheus::MetricFamily& family : status.metrics) {
    json& all = metrics[family.name] = json::array();
    for (const auto& metric : family.metric) all.push_back(SeriesToJson(metric, family.type));
  }
  json errors = json::array();
  for (const ErrorGroup& group : status.errors) errors.push_back(ToJson(group));
  const json object = {{"version", status.version},
                       {"started_at", UnixSeconds(status.started_at)},
                       {"now", UnixSeconds(status.now)},
                       {"ready", status.not_ready_because.empty()},
                       {"not_ready_because", status.not_ready_because},
                       {"log_level", status.log_level},
                       {"metrics", std::move(metrics)},
                       {"errors", std::move(errors)},
                       {"limits", ToJson(status.limits)}};
  return object.dump(-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

}  // namespace evalrun::observability
