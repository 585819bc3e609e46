// SPDX-License-Identifier: Apache-2.0

#include "service/observability/status_json.h"

#include <nlohmann/json.hpp>

#include "service/observability/status_code_name.h"
#include "service/observability/unix_time.h"

namespace evalrun::observability {
namespace {

using nlohmann::json;
using std::chrono::floor;
using std::chrono::milliseconds;

double Seconds(std::chrono::duration<double> duration) { return duration.count(); }

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

json ToJson(const CallerActivity& activity) {
  return {{"caller", activity.caller},
          {"calls", activity.calls},
          {"deleted_runs", activity.deleted_runs}};
}

json ToJson(const SlowCall& call) {
  return {{"completed", UnixSeconds(call.completed)},
          {"duration", Seconds(call.duration)},
          {"last_attempt_duration", Seconds(call.last_attempt_duration)},
          {"attempts", call.attempts},
          {"code", StatusCodeName(call.code)},
          {"request_id", call.request_id},
          {"caller", call.caller},
          {"eval_run_uuid", call.eval_run_uuid}};
}

template <typename Value>
json ToJson(const std::vector<Value>& values) {
  json all = json::array();
  for (const Value& value : values) all.push_back(ToJson(value));
  return all;
}

// One array for each column, whose last element is of the interval that is not over yet. "latency"
// has for each sample the calls by bucket, of which the last is above all "latency_bounds".
json HistoryToJson(const std::vector<HistorySample>& samples,
                   std::chrono::steady_clock::time_point now) {
  json history = {{"interval", CallHistory::kInterval.count()},
                  {"capacity", CallHistory::kCapacity},
                  {"latency_bounds", kLatencyBounds}};
  for (const char* column :
       {"age", "length", "calls", "failed", "attempts", "retries", "in_flight", "latency"}) {
    history[column] = json::array();
  }
  for (const HistorySample& sample : samples) {
    const auto age = floor<milliseconds>(now - sample.end);
    history["age"].push_back(Seconds(std::max(age, milliseconds(0))));
    history["length"].push_back(Seconds(floor<milliseconds>(sample.length)));
    history["calls"].push_back(sample.totals.calls);
    history["failed"].push_back(sample.totals.failed);
    history["attempts"].push_back(sample.totals.attempts);
    history["retries"].push_back(sample.totals.retries);
    history["in_flight"].push_back(sample.in_flight);
    history["latency"].push_back(sample.totals.latency);
  }
  return history;
}

}  // namespace

std::string StatusJson(const AdminStatus& status) {
  json metrics = json::object();
  for (const prometheus::MetricFamily& family : status.metrics) {
    json& all = metrics[family.name] = json::array();
    for (const auto& metric : family.metric) all.push_back(SeriesToJson(metric, family.type));
  }
  const json object = {{"version", status.version},
                       {"host", status.host},
                       {"replicas", status.replicas},
                       {"upstream", status.upstream},
                       {"started_at", UnixSeconds(status.started_at)},
                       {"now", UnixSeconds(status.now)},
                       {"ready", status.not_ready_because.empty()},
                       {"not_ready_because", status.not_ready_because},
                       {"log_level", status.log_level},
                       {"metrics", std::move(metrics)},
                       {"errors", ToJson(status.errors)},
                       {"limits", ToJson(status.limits)},
                       {"top_callers", ToJson(status.top_callers)},
                       {"top_callers_window", TopCallers::kWindow.count()},
                       {"slowest_calls", ToJson(status.slowest_calls)},
                       {"slowest_calls_window", SlowestCalls::kWindow.count()},
                       {"history", HistoryToJson(status.history, status.history_read_at)}};
  return object.dump(-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

}  // namespace evalrun::observability
