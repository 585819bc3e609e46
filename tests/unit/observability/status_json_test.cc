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
  const json status = json::parse(StatusJson(
      {.version = "1.2.3",
       .started_at = system_clock::time_point(std::chrono::seconds(10)),
       .now = system_clock::time_point(std::chrono::seconds(30)),
       .not_ready_because = "shutting down",
       .log_level = "debug",
       .errors = errors.LatestFirst(system_clock::time_point(std::chrono::seconds(30)))}));
  EXPECT_EQ(status, json::parse(R"({
    "version": "1.2.3", "started_at": 10.0, "now": 30.0, "ready": false,
    "not_ready_because": "shutting down", "log_level": "debug", "metrics": {},
    "errors": [{"code": "UNAVAILABLE", "reason": "UPSTREAM_UNAVAILABLE", "http_status": 503,
                "limited_by": "", "count": 1, "first": 20.0, "last": 20.0, "request_id": "r-1",
                "caller": "dns:a", "eval_run_uuid": "\ufffd<script>", "deletion": "unknown"}],
    "limits": {"rules": [], "near": []}})"));
}

}  // namespace
}  // namespace evalrun::observability
