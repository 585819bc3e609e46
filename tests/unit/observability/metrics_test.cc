// SPDX-License-Identifier: Apache-2.0
//
// Names and labels of the metrics are a contract, and all of them are there before the first call.
#include "service/observability/metrics.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/collectable.h>

#include "service/observability/limit_metrics.h"
#include "service/observability/metric_family.h"

namespace evalrun::observability {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

const std::string kMethod =
    R"(grpc_method="DeleteEvalRun",grpc_service="aymara.evals.v1.EvalRunService",grpc_type="unary")";

// The families and their types.
std::set<std::string> ParseFamilies(const std::string& exposition) {
  std::set<std::string> families;
  std::istringstream lines(exposition);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) families.insert(line.substr(7));
  }
  return families;
}

TEST(MetricsTest, ExposesAllFamilies) {
  EXPECT_THAT(
      ParseFamilies(Metrics().Expose()),
      UnorderedElementsAre(
          "gateway_calls_shed_total counter", "gateway_deletions_total counter",
          "gateway_failed_calls_total counter", "gateway_upstream_forbidden_total counter",
          "gateway_retries_stopped_total counter", "gateway_retries_total counter",
          "gateway_authorization_decisions_total counter",
          "gateway_upstream_connections_reused_total counter",
          "gateway_protected_run_rejections_total counter",
          "gateway_audit_rejections_total counter",
          "gateway_upstream_resends_stopped_total counter",
          "gateway_upstream_unauthorized_total counter",
          "gateway_upstream_unrecognized_404_total counter", "grpc_server_handled_total counter",
          "grpc_server_handling_seconds histogram", "grpc_server_msg_received_total counter",
          "grpc_server_msg_sent_total counter", "grpc_server_started_total counter",
          "http_client_request_duration_seconds histogram"));
}

TEST(MetricsTest, ExposesEverySeriesBeforeTheFirstCall) {
  const std::string exposition = Metrics().Expose();
  for (const char* code :
       {"OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound",
        "AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted",
        "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated"}) {
    EXPECT_THAT(exposition, HasSubstr("\ngrpc_server_handled_total{grpc_code=\"" +
                                      std::string(code) + "\"," + kMethod + "} 0\n"));
  }
  for (const char* code :
       {"Unknown", "DeadlineExceeded", "PermissionDenied", "ResourceExhausted", "Unimplemented",
        "Internal", "Unavailable", "DataLoss", "Unauthenticated"}) {
    EXPECT_THAT(exposition, HasSubstr("\ngateway_failed_calls_total{grpc_code=\"" +
                                      std::string(code) + "\"} 0\n"));
  }
  EXPECT_THAT(exposition, Not(HasSubstr("gateway_failed_calls_total{grpc_code=\"OK\"}")));
  for (const char* deletion : {"performed", "presumed", "absent", "not_performed", "unknown"}) {
    EXPECT_THAT(exposition, HasSubstr("\ngateway_deletions_total{deletion=\"" +
                                      std::string(deletion) + "\"} 0\n"));
  }
  for (const char* cause : {"attempts", "deadline", "budget", "hold_back", "rate_limit"}) {
    EXPECT_THAT(exposition, HasSubstr("\ngateway_retries_stopped_total{cause=\"" +
                                      std::string(cause) + "\"} 0\n"));
  }
  for (const char* cause : {"in_flight_cap", "hold_back"}) {
    EXPECT_THAT(exposition,
                HasSubstr("\ngateway_calls_shed_total{cause=\"" + std::string(cause) + "\"} 0\n"));
  }
  for (const char* decision : {"allowed", "denied", "dry_run_denied"}) {
    EXPECT_THAT(exposition, HasSubstr("\ngateway_authorization_decisions_total{decision=\"" +
                                      std::string(decision) + "\"} 0\n"));
  }
  for (const char* status_class : {"none", "1xx", "2xx", "3xx", "4xx", "5xx"}) {
    EXPECT_THAT(exposition,
                HasSubstr("http_client_request_duration_seconds_count{http_request_method="
                          "\"DELETE\",http_response_status_class=\"" +
                          std::string(status_class) + "\"} 0\n"));
  }
}

TEST(MetricsTest, CountsACompletedCall) {
  Metrics metrics;
  metrics.OnCallStarted();
  deletion::AttemptResult reused;
  reused.http_status = 204;
  reused.connection_reused = true;
  deletion::AttemptResult lost;
  lost.fault = deletion::Fault::kConnectionLost;
  lost.duplicate_suppressed = true;
  deletion::AttemptResult refused;
  refused.http_status = 401;
  for (const deletion::AttemptResult& result : {reused, lost, refused})
    metrics.OnAttemptDone(result);
  metrics.OnCallCompleted({.authorization = authz::AccessDecision::kAllowed,
                           .code = absl::StatusCode::kOk,
                           .certainty = deletion::Certainty::kPresumed,
                           .duration = std::chrono::microseconds(600)});
  const std::string exposition = metrics.Expose();
  for (const std::string& line : {
           "grpc_server_started_total{" + kMethod + "} 1",
           "grpc_server_handled_total{grpc_code=\"OK\"," + kMethod + "} 1",
           "grpc_server_handling_seconds_bucket{" + kMethod + ",le=\"0.0005\"} 0",
           "grpc_server_handling_seconds_bucket{" + kMethod + ",le=\"0.001\"} 1",
           std::string("gateway_deletions_total{deletion=\"presumed\"} 1"),
           std::string("gateway_authorization_decisions_total{decision=\"allowed\"} 1"),
           std::string("gateway_authorization_decisions_total{decision=\"denied\"} 0"),
           std::string("gateway_upstream_resends_stopped_total 1"),
           std::string("gateway_upstream_connections_reused_total 1"),
           std::string("gateway_upstream_unauthorized_total 1"),
       }) {
    EXPECT_THAT(exposition, HasSubstr("\n" + line + "\n"));
  }
}

TEST(MetricsTest, DistinguishesTheApisRefusalOfOurKeyFromThePolicys) {
  Metrics metrics;
  for (const int status : {403, 451, 401, 404}) {
    deletion::AttemptResult result;
    result.http_status = status;
    metrics.OnAttemptDone(result);
  }
  metrics.OnCallCompleted({.authorization = authz::AccessDecision::kAllowed,
                           .code = absl::StatusCode::kPermissionDenied});
  metrics.OnCallCompleted({.authorization = authz::AccessDecision::kDenied,
                           .code = absl::StatusCode::kPermissionDenied});
  const std::string exposition = metrics.Expose();
  for (const std::string& line : {
           std::string("gateway_upstream_forbidden_total 2"),
           std::string("gateway_failed_calls_total{grpc_code=\"PermissionDenied\"} 1"),
           "grpc_server_handled_total{grpc_code=\"PermissionDenied\"," + kMethod + "} 2",
       }) {
    EXPECT_THAT(exposition, HasSubstr("\n" + line + "\n"));
  }
}

TEST(MetricsTest, CountsUnknownMethodsInOneSeries) {
  Metrics metrics;
  metrics.OnUnknownMethod();
  const std::string method = R"(grpc_method="unknown",grpc_service="unknown",grpc_type="unary")";
  const std::string exposition = metrics.Expose();
  EXPECT_THAT(exposition, HasSubstr("\ngrpc_server_started_total{" + method + "} 1\n"));
  EXPECT_THAT(exposition, HasSubstr("\ngrpc_server_handled_total{grpc_code=\"Unimplemented\"," +
                                    method + "} 1\n"));
}

TEST(MetricsTest, CountsEachCauseOnce) {
  Metrics metrics;
  metrics.OnRetry();
  metrics.OnCallRejected(deletion::RejectReason::kHoldBack);
  metrics.OnCallCompleted({.code = absl::StatusCode::kUnavailable,
                           .reason = "UPSTREAM_UNRECOGNIZED_404",
                           .retry_stop = deletion::RetryStop::kBudget});
  const std::string exposition = metrics.Expose();
  for (const char* line : {
           "gateway_retries_total 1",
           "gateway_calls_shed_total{cause=\"hold_back\"} 1",
           "gateway_retries_stopped_total{cause=\"budget\"} 1",
           "gateway_upstream_unrecognized_404_total 1",
       }) {
    EXPECT_THAT(exposition, HasSubstr("\n" + std::string(line) + "\n"));
  }
}

class FakeSource final : public prometheus::Collectable {
 public:
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override {
    return {MakeCounterFamily("a_total", "Something counted elsewhere.", 3),
            MakeGaugeFamily("b", "Something measured elsewhere.", 1.5)};
  }
};

TEST(MetricsTest, ExposesTheSeriesOfItsSources) {
  const FakeSource source;
  Metrics metrics;
  metrics.AddSource(&source);
  for (int i = 0; i < 2; ++i) {
    const std::string exposition = metrics.Expose();
    EXPECT_THAT(exposition, HasSubstr("\n# TYPE a_total counter\na_total 3\n"));
    EXPECT_THAT(exposition, HasSubstr("\n# TYPE b gauge\nb 1.5\n"));
  }
}

TEST(LimitMetricsTest, HasSeriesForEachRuleAndNoneForItsSubjects) {
  class Source final : public prometheus::Collectable {
   public:
    [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override {
      return MakeLimitFamilies(
          {.rules = {{.name = "a", .by = "gateway", .allowed = 3, .denied = 2, .shadow_denied = 1}},
           .near = {{.rule = "a", .subject = "somebody"}},
           .keys = 7,
           .evicted = 5,
           .overflowed = 4});
    }
  };
  const Source source;
  Metrics metrics;
  metrics.AddSource(&source);
  const std::string exposition = metrics.Expose();
  const std::string decisions = "gateway_limiter_decisions_total{";
  for (const std::string& line : {
           decisions + R"(decision="allowed",rule="a"} 3)",
           decisions + R"(decision="denied",rule="a"} 2)",
           decisions + R"(decision="shadow_denied",rule="a"} 1)",
           std::string("gateway_limiter_keys 7"),
           std::string("gateway_limiter_keys_evicted_total 5"),
           std::string("gateway_limiter_overflowed_total 4"),
       }) {
    EXPECT_THAT(exposition, HasSubstr("\n" + line + "\n"));
  }
  EXPECT_THAT(exposition, Not(HasSubstr("somebody"))) << "callers can make up names";
}

TEST(MetricsTest, TotalsCountCallsByDuration) {
  Metrics metrics;
  EXPECT_EQ(metrics.Totals(), CallTotals{});
  metrics.OnCallCompleted({.duration = std::chrono::milliseconds(40)});
  metrics.OnCallCompleted(
      {.code = absl::StatusCode::kUnavailable, .duration = std::chrono::seconds(31)});
  metrics.OnAttemptDone({});
  metrics.OnAttemptDone({});
  metrics.OnRetry();
  CallTotals expected = {.calls = 2, .failed = 1, .attempts = 2, .retries = 1};
  const auto* bound = std::ranges::find(kLatencyBounds, 0.05);
  expected.latency.at(static_cast<std::size_t>(bound - kLatencyBounds.begin())) = 1;
  expected.latency.back() = 1;
  EXPECT_EQ(metrics.Totals(), expected);
}

}  // namespace
}  // namespace evalrun::observability
