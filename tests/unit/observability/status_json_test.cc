// SPDX-License-Identifier: Apache-2.0
//
// The JSON for the admin page: every metric, and what failed lately.
#include "service/observability/status_json.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "service/observability/metrics.h"
#include "service/observability/process_metrics.h"

namespace evalrun::observability {
namespace {

using nlohmann::json;
using std::chrono::system_clock;

TEST(StatusJsonTest, HasEverySeriesOfTheExposition) {
  Metrics metrics;
  const ProcessMetrics process(metrics.registry(), {{"version", "1.2.3"}});
  deletion::AttemptResult sent;
  sent.http_status = 204;
  sent.timing.total = std::chrono::milliseconds(3);
  metrics.OnAttemptDone(sent);
  metrics.OnRetry();
  const json status = json::parse(StatusJson({.metrics = metrics.Collect()}));
  std::size_t series = 0;
  for (const auto& family : metrics.Collect()) {
    EXPECT_EQ(status["metrics"][family.name].size(), family.metric.size()) << family.name;
    series += family.metric.size();
  }
  EXPECT_GT(series, 50u);
  EXPECT_EQ(status["metrics"]["gateway_retries_total"],
            json::parse(R"([{"labels": {}, "value": 1}])"));
  EXPECT_EQ(status["metrics"]["gateway_build_info"],
            json::parse(R"([{"labels": {"version": "1.2.3"}, "value": 1}])"));
  EXPECT_GT(status["metrics"]["process_resident_memory_bytes"][0]["value"], 1e6);
  EXPECT_GT(status["metrics"]["process_open_fds"][0]["value"], 2);
  for (const json& histogram : status["metrics"]["http_client_request_duration_seconds"]) {
    if (histogram["labels"]["http_response_status_class"] != "2xx") continue;
    EXPECT_EQ(histogram["count"], 1);
    EXPECT_EQ(histogram["sum"], 0.003);
    EXPECT_EQ(histogram["buckets"].front(), json::parse("[0.0001, 0]"));
    EXPECT_EQ(histogram["buckets"].back(), json::parse("[30.0, 1]"));
  }
}

TEST(StatusJsonTest, ListsLimitsAndHotKeys) {
  const json status = json::parse(StatusJson(
      {.limits = {.rules = {{.name = "a",
                             .by = "caller",
                             .interval = std::chrono::milliseconds(50),
                             .burst = 40,
                             .shadow = true}},
                  .near = {{.rule = "a", .subject = "\xff", .used = 0.5, .denied = 3}}}}));
  EXPECT_EQ(status["limits"]["rules"],
            json::parse(R"([{"name": "a", "by": "caller", "interval": 0.05, "burst": 40,
                             "shadow": true}])"));
  EXPECT_EQ(status["limits"]["near"],
            json::parse(R"([{"rule": "a", "subject": "\ufffd", "used": 0.5, "denied": 3}])"));
}

TEST(StatusJsonTest, ListsStateAndRecentErrors) {
  RecentErrors errors;
  errors.Add({.request_id = "r-1",
              .caller = "dns:a",
              .eval_run_uuid = "\xff<script>",
              .code = absl::StatusCode::kUnavailable,
              .reason = "UPSTREAM_UNAVAILABLE",
              .certainty = deletion::Certainty::kUnknown,
              .http_status = 503},
             system_clock::time_point(std::chrono::seconds(20)));
  json status = json::parse(StatusJson(
      {.version = "1.2.3",
       .host = "gateway-0",
       .replicas = 3,
       .upstream = "https://api.aymara.ai",
       .started_at = system_clock::time_point(std::chrono::seconds(10)),
       .now = system_clock::time_point(std::chrono::seconds(30)),
       .not_ready_because = "shutting down",
       .log_level = "debug",
       .errors = errors.LatestFirst(system_clock::time_point(std::chrono::seconds(30)))}));
  for (const char* member :
       {"history", "slowest_calls", "slowest_calls_window", "top_callers", "top_callers_window"}) {
    EXPECT_EQ(status.erase(member), 1u) << member;
  }
  EXPECT_EQ(status, json::parse(R"({
    "version": "1.2.3", "host": "gateway-0", "replicas": 3, "upstream": "https://api.aymara.ai",
    "started_at": 10.0, "now": 30.0, "ready": false, "not_ready_because": "shutting down",
    "log_level": "debug", "metrics": {},
    "errors": [{"code": "UNAVAILABLE", "reason": "UPSTREAM_UNAVAILABLE", "http_status": 503,
                "limited_by": "", "count": 1, "first": 20.0, "last": 20.0, "request_id": "r-1",
                "caller": "dns:a", "eval_run_uuid": "\ufffd<script>", "deletion": "unknown"}],
    "limits": {"rules": [], "near": []}})"));
}

TEST(StatusJsonTest, ListsCallersAndCallsAlsoOfInvalidUtf8) {
  const json status = json::parse(StatusJson(
      {.top_callers = {{.caller = "dns:<b>\"", .calls = 7, .deleted_runs = 2}},
       .slowest_calls = {{.completed = system_clock::time_point(std::chrono::seconds(20)),
                          .duration = std::chrono::milliseconds(1500),
                          .last_attempt_duration = std::chrono::milliseconds(250),
                          .attempts = 2,
                          .code = absl::StatusCode::kOk,
                          .request_id = "r-1",
                          .caller = "dns:\xff",
                          .eval_run_uuid = "\n"}}}));
  EXPECT_EQ(status["top_callers"],
            json::parse(R"([{"caller": "dns:<b>\"", "calls": 7, "deleted_runs": 2}])"));
  EXPECT_EQ(status["top_callers_window"], 300);
  EXPECT_EQ(status["slowest_calls"], json::parse(R"([{
    "completed": 20.0, "duration": 1.5, "last_attempt_duration": 0.25, "attempts": 2, "code": "OK",
    "request_id": "r-1", "caller": "dns:\ufffd", "eval_run_uuid": "\n"}])"));
  EXPECT_EQ(status["slowest_calls_window"], 600);
}

TEST(StatusJsonTest, HasTheHistoryInColumns) {
  const std::chrono::steady_clock::time_point now{std::chrono::seconds(100)};
  const auto sample = [&](int age, std::uint64_t calls) {
    return HistorySample{
        .end = now - std::chrono::seconds(age),
        .length = std::chrono::seconds(5),
        .totals = {.calls = calls, .failed = 1, .attempts = 3, .retries = 2, .latency = {0, calls}},
        .in_flight = 9};
  };
  const json history = json::parse(
      StatusJson({.history = {sample(7, 4), sample(2, 5)}, .history_read_at = now}))["history"];
  EXPECT_EQ(history["interval"], 5);
  EXPECT_EQ(history["capacity"], 120);
  EXPECT_EQ(history["latency_bounds"].size(), kLatencyBounds.size());
  EXPECT_EQ(history["age"], json::parse("[7.0, 2.0]"));
  EXPECT_EQ(history["length"], json::parse("[5.0, 5.0]"));
  EXPECT_EQ(history["calls"], json::parse("[4, 5]"));
  EXPECT_EQ(history["failed"], json::parse("[1, 1]"));
  EXPECT_EQ(history["attempts"], json::parse("[3, 3]"));
  EXPECT_EQ(history["retries"], json::parse("[2, 2]"));
  EXPECT_EQ(history["in_flight"], json::parse("[9, 9]"));
  ASSERT_EQ(history["latency"].size(), 2u);
  EXPECT_EQ(history["latency"][1].size(), kLatencyBounds.size() + 1);
  EXPECT_EQ(history["latency"][1][1], 5);
}

}  // namespace
}  // namespace evalrun::observability
