// SPDX-License-Identifier: Apache-2.0
//
// Which calls a limit rejects, what the caller gets, and what is not affected.
#include <signal.h>

#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/config_file.h"
#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using namespace std::chrono_literals;
using grpc::StatusCode;
using ::testing::HasSubstr;

// A gateway with these rules, whose callers state their identity in metadata.
class LimitedGateway {
 public:
  explicit LimitedGateway(const std::string& rules, Script script = Respond(HttpReply(204)))
      : upstream_(std::move(script)), file_(Yaml(rules)) {}

  // Makes a call as `caller`.
  [[nodiscard]] DeleteReply Call(const std::string& caller, DeleteCall call = {}) const {
    call.metadata.emplace_back("x-caller", caller);
    return client_.Delete(call);
  }
  // How many of `count` calls are admitted.
  [[nodiscard]] int Calls(int count, const std::string& caller, const DeleteCall& call = {}) const {
    int let_in = 0;
    for (int i = 0; i < count; ++i) let_in += Call(caller, call).code == StatusCode::OK ? 1 : 0;
    return let_in;
  }
  [[nodiscard]] double Decisions(const std::string& rule, const std::string& decision) const {
    return gateway_
        .Metric("gateway_limiter_decisions_total",
                {"rule=\"" + rule + "\"", "decision=\"" + decision + "\""})
        .value_or(-1);
  }
  void Reload(const std::string& rules, const std::string& event = "config_reloaded") {
    file_.Replace(Yaml(rules));
    const std::size_t from = gateway_.process().stdout_lines().size();
    gateway_.process().Signal(SIGHUP);
    ASSERT_TRUE(gateway_.process()
                    .WaitForLine(
                        [&](const std::string& line) {
                          return line.find("\"event\":\"" + event + "\"") != std::string::npos;
                        },
                        20s, from)
                    .has_value());
  }

  ScriptedUpstream& upstream() { return upstream_; }
  GatewayProcess& gateway() { return gateway_; }
  const DeleteClient& client() { return client_; }

 private:
  static std::string Yaml(const std::string& rules) {
    return "identity: {metadata_key: x-caller, trusted_networks: [127.0.0.1]}\n"
           "limits:\n  rules:\n" +
           rules;
  }

  ScriptedUpstream upstream_;
  ConfigFile file_;
  GatewayProcess gateway_{{.upstream = upstream_.url(), .flags = {"--config", file_.path()}}};
  DeleteClient client_{gateway_.grpc_address()};
};

constexpr char kPerCaller[] = "  - {name: per-caller, by: caller, rate: 1/h, burst: 3}\n";

TEST(LimitsTest, RejectionHasDetailsAndMakesNoAttempt) {
  LimitedGateway limited(kPerCaller);
  ASSERT_EQ(limited.Decisions("per-caller", "denied"), 0) << "before the first call";
  ASSERT_EQ(limited.Calls(3, "team-a"), 3);
  const DeleteReply refused = limited.Call("team-a", {.metadata = {{"x-request-id", "refused"}}});
  EXPECT_THAT(refused, HasCode(StatusCode::RESOURCE_EXHAUSTED));
  EXPECT_THAT(refused, HasReason("RATE_LIMITED"));
  EXPECT_THAT(refused, HasDomain("evalrun-gateway"));
  EXPECT_THAT(refused, HasDeletion("not_performed"));
  EXPECT_THAT(refused, HasAttempts(0));
  EXPECT_THAT(refused, HasInfo("limited_by", "per-caller"));
  EXPECT_THAT(refused, IsWellFormedError());
  ASSERT_TRUE(refused.quota_failure.has_value());
  ASSERT_EQ(refused.quota_failure->violations_size(), 1);
  EXPECT_EQ(refused.quota_failure->violations(0).subject(), "caller:metadata:team-a");
  EXPECT_THAT(refused.quota_failure->violations(0).description(), HasSubstr("per-caller"));
  EXPECT_NEAR(static_cast<double>(RetryDelayMs(refused)), 3'600'000, 20'000);
  EXPECT_EQ(refused.Trailing("grpc-retry-pushback-ms"), "-1") << "longer than the deadline";
  EXPECT_EQ(limited.upstream().requests().size(), 3u);

  const auto line = limited.gateway().WaitForAccessLine("refused");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->value("limited_by", ""), "per-caller");
  EXPECT_EQ(line->value("caller", ""), "metadata:team-a");
  EXPECT_EQ(limited.Decisions("per-caller", "allowed"), 3);
  EXPECT_EQ(limited.Decisions("per-caller", "denied"), 1);
  EXPECT_EQ(limited.Calls(3, "team-b"), 3) << "others have a limit of their own";
}

TEST(LimitsTest, SucceedsAfterTheRetryDelay) {
  LimitedGateway limited("  - {name: per-caller, by: caller, rate: 2/s, burst: 1}\n");
  ASSERT_EQ(limited.Calls(1, "a"), 1);
  for (int i = 0; i < 3; ++i) {
    const DeleteReply refused = limited.Call("a");
    ASSERT_THAT(refused, HasReason("RATE_LIMITED")) << "call " << i;
    EXPECT_LE(RetryDelayMs(refused), 500);
    EXPECT_EQ(refused.Trailing("grpc-retry-pushback-ms"), std::to_string(RetryDelayMs(refused)));
    std::this_thread::sleep_for(std::chrono::milliseconds(RetryDelayMs(refused)));
    EXPECT_THAT(limited.Call("a"), HasCode(StatusCode::OK));
  }
}

TEST(LimitsTest, RejectionAfterEarlierAttemptsIsUnknown) {
  LimitedGateway limited("  - {name: all, by: gateway, rate: 1/h, burst: 1}\n");
  ASSERT_EQ(limited.Calls(1, "a"), 1);
  EXPECT_THAT(limited.Call("a", {.metadata = {{"grpc-previous-rpc-attempts", "1"}}}),
              HasDeletion("unknown"));
}

TEST(LimitsTest, MatchesWorkspaceInEverySpelling) {
  LimitedGateway limited("  - {name: per-workspace, by: workspace, rate: 1/h, burst: 2}\n");
  EXPECT_EQ(limited.Calls(1, "a", {.workspace_uuid = kWorkspace}), 1);
  std::string upper = kWorkspace;
  for (char& c : upper) c = static_cast<char>(toupper(c));
  EXPECT_EQ(limited.Calls(1, "b", {.workspace_uuid = "workspace." + upper}), 1);
  const DeleteReply refused = limited.Call("c", {.workspace_uuid = kWorkspace});
  EXPECT_THAT(refused, HasReason("RATE_LIMITED"));
  EXPECT_EQ(refused.quota_failure->violations(0).subject(), std::string("workspace:") + kWorkspace);
  EXPECT_EQ(limited.Calls(1, "c"), 1) << "the key's own workspace is another one";
}

TEST(LimitsTest, DoesNotRetryBeyondTheLimit) {
  LimitedGateway limited("  - {name: vendor, by: upstream_key, rate: 1/h, burst: 3}\n",
                         InOrder({Respond(HttpReply(503)), Respond(HttpReply(204)),
                                  Respond(HttpReply(503)), Respond(HttpReply(204))}));
  EXPECT_THAT(limited.Call("a"), HasCode(StatusCode::OK)) << "two attempts";
  const DeleteReply stopped = limited.Call("a", {.metadata = {{"x-request-id", "stopped"}}});
  EXPECT_THAT(stopped, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(stopped, HasInfo("retry_stopped", "rate_limit"));
  EXPECT_THAT(stopped, HasAttempts(1));
  EXPECT_GT(RetryDelayMs(stopped), 3'000'000);
  EXPECT_EQ(limited.upstream().requests().size(), 3u);
  EXPECT_EQ(limited.gateway().WaitForAccessLine("stopped")->value("retry_stopped", ""),
            "rate_limit");
  EXPECT_EQ(limited.gateway().Metric("gateway_retries_stopped_total", {"cause=\"rate_limit\""}), 1);
  EXPECT_EQ(limited.Decisions("vendor", "allowed"), 2);
  EXPECT_EQ(limited.Decisions("vendor", "denied"), 0) << "no call was rejected";
}

TEST(LimitsTest, ShadowModeCountsAndLogsOnly) {
  LimitedGateway limited(
      "  - {name: trial, by: gateway, rate: 1/h, burst: 1, shadow: true}\n"
      "  - {name: trial-2, by: caller, rate: 1/h, burst: 1, shadow: true}\n");
  EXPECT_EQ(limited.Calls(2, "a"), 2);
  EXPECT_THAT(limited.Call("a", {.metadata = {{"x-request-id", "both"}}}), HasCode(StatusCode::OK));
  EXPECT_THAT(limited.Call("b", {.metadata = {{"x-request-id", "one"}}}), HasCode(StatusCode::OK));
  EXPECT_EQ(limited.gateway().WaitForAccessLine("both")->value("would_be_limited_by", ""),
            "trial,trial-2");
  const auto line = limited.gateway().WaitForAccessLine("one");
  EXPECT_EQ(line->value("would_be_limited_by", ""), "trial");
  EXPECT_FALSE(line->contains("limited_by"));
  EXPECT_EQ(limited.Decisions("trial", "shadow_denied"), 3);
  EXPECT_EQ(limited.Decisions("trial", "denied"), 0);
}

TEST(LimitsTest, OverridesApplyToMatchingSubjects) {
  LimitedGateway limited(
      "  - name: per-caller\n"
      "    by: caller\n"
      "    rate: 1/h\n"
      "    burst: 1\n"
      "    overrides:\n"
      "    - {pattern: 'metadata:batch/*', rate: 1/h, burst: 3}\n"
      "    - {pattern: 'metadata:ops', rate: unlimited}\n");
  EXPECT_EQ(limited.Calls(5, "batch/1"), 3);
  EXPECT_EQ(limited.Calls(5, "ops"), 5);
  EXPECT_EQ(limited.Calls(5, "ops-2"), 1);
}

TEST(LimitsTest, HealthReflectionAndMetricsAreNeverLimited) {
  LimitedGateway limited("  - {name: all, by: gateway, rate: 1/h, burst: 1}\n");
  ASSERT_EQ(limited.Calls(2, "a"), 1);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(limited.client().CallRaw("/grpc.health.v1.Health/Check", "").response, "\x08\x01");
    EXPECT_EQ(limited.gateway().Get("/readyz").status, 200);
    EXPECT_EQ(limited.gateway().Get("/metrics").status, 200);
  }
  EXPECT_EQ(limited.Decisions("all", "denied"), 1);
}

TEST(LimitsTest, ReloadAppliesRulesAndKeepsUsage) {
  LimitedGateway limited(kPerCaller);
  ASSERT_EQ(limited.Calls(2, "a"), 2);
  limited.Reload("  - {name: all, by: gateway, rate: 1/h, burst: 2}\n" + std::string(kPerCaller));
  EXPECT_EQ(limited.Calls(5, "a"), 1) << "one of three calls is left";
  EXPECT_EQ(limited.Calls(5, "b"), 1) << "one of two calls is left for all callers";
  EXPECT_EQ(limited.Decisions("per-caller", "allowed"), 4);

  limited.Reload("  - {name: all, by: gateway, rate: 1/x, burst: 2}\n", "config_reload_failed");
  EXPECT_EQ(limited.Calls(5, "c"), 0) << "the old rules are still in force";
  EXPECT_EQ(limited.gateway().Metric("gateway_config_reloads_total", {"result=\"failure\""}), 1);

  limited.Reload("    []\n");
  EXPECT_EQ(limited.Calls(5, "a"), 5);
  EXPECT_EQ(limited.Decisions("all", "allowed"), -1) << "the series of removed rules are removed";
}

TEST(LimitsTest, ArbitraryNamesCostBoundedMemoryAndSeries) {
  LimitedGateway limited(
      "  - {name: per-caller, by: caller, rate: 1/h, burst: 1}\n"
      "  max_keys: 100\n");
  int let_in = 0;
  for (int i = 0; i < 300; ++i) let_in += limited.Calls(1, "made-up-" + std::to_string(i));
  EXPECT_EQ(let_in, 100 + 1) << "one call for each key in the table, and one for the overflow key";
  const std::string metrics = limited.gateway().Get("/metrics").body;
  int series = 0;
  for (std::size_t at = metrics.find("made-up"); at != std::string::npos;
       at = metrics.find("made-up", at + 1)) {
    ++series;
  }
  EXPECT_EQ(series, 20) << "those of the top callers: ten by calls, ten by deleted runs";
  EXPECT_EQ(limited.gateway().Metric("gateway_limiter_keys"), 100);
  EXPECT_EQ(limited.gateway().Metric("gateway_limiter_overflowed_total"), 200);
}

TEST(LimitsTest, CapsRejectionLogLinesAtOneHundredPerSecond) {
  LimitedGateway limited("  - {name: all, by: gateway, rate: 1/h, burst: 1}\n");
  constexpr int kCalls = 500;
  ASSERT_EQ(limited.Calls(kCalls, "a"), 1);
  EXPECT_EQ(limited.Call("a", {.eval_run_uuid = "..", .metadata = {{"x-request-id", "last"}}}).code,
            StatusCode::INVALID_ARGUMENT);
  ASSERT_TRUE(limited.gateway().WaitForAccessLine("last").has_value())
      << "lines of calls that no limit rejected are always written";
  const double left_out =
      limited.gateway().Metric("gateway_log_refusals_left_out_total").value_or(-1);
  const auto written = static_cast<double>(limited.gateway().AccessLog().size()) - 2;
  EXPECT_GT(left_out, 0);
  EXPECT_EQ(written + left_out, kCalls - 1);
}

}  // namespace
}  // namespace evalrun::testing
