// SPDX-License-Identifier: Apache-2.0
//
// What protects the upstream from its callers, one mechanism at a time: the cap on calls in flight,
// the hold-back after a 429, and the retry budget; and what keeps clients from retrying in
// addition.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using namespace std::chrono_literals;
using grpc::StatusCode;

std::string TooMany(const std::string& retry_after) {
  return ApiErrorReply(429, "quota.limit_exceeded", "retry-after: " + retry_after + "\r\n");
}

double Shed(const GatewayProcess& gateway, const std::string& cause) {
  return gateway.Metric("gateway_calls_shed_total", {"cause=\"" + cause + "\""}).value_or(-1);
}

TEST(InFlightCapTest, RejectsCallsAboveTheCapAtOnce) {
  const Latch latch;
  ScriptedUpstream upstream(RespondWhen(latch, HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--upstream-max-in-flight", "2"}});
  const DeleteClient client(gateway.grpc_address());
  PendingDelete first = client.Start();
  PendingDelete second = client.Start();
  ASSERT_TRUE(upstream.WaitForRequests(2));

  const DeleteReply refused = client.Delete({.metadata = {{"x-request-id", "refused"}}});
  EXPECT_THAT(refused, HasCode(StatusCode::RESOURCE_EXHAUSTED));
  EXPECT_THAT(refused, HasReason("IN_FLIGHT_CAP"));
  EXPECT_THAT(refused, HasDomain("evalrun-gateway"));
  EXPECT_THAT(refused, HasDeletion("not_performed"));
  EXPECT_THAT(refused, HasAttempts(0));
  EXPECT_THAT(refused, IsWellFormedError());
  EXPECT_GE(RetryDelayMs(refused), 500);
  EXPECT_EQ(refused.Trailing("grpc-retry-pushback-ms"), std::to_string(RetryDelayMs(refused)));
  EXPECT_EQ(Shed(gateway, "in_flight_cap"), 1);
  EXPECT_EQ(Shed(gateway, "hold_back"), 0);
  EXPECT_EQ(gateway.WaitForAccessLine("refused")->value("reason", ""), "IN_FLIGHT_CAP");
  EXPECT_EQ(upstream.requests().size(), 2u);

  latch.Open();
  EXPECT_THAT(first.Get(), HasCode(StatusCode::OK));
  EXPECT_THAT(second.Get(), HasCode(StatusCode::OK));
  EXPECT_THAT(client.Delete(), HasCode(StatusCode::OK)) << "there is capacity again";
}

TEST(InFlightCapTest, RejectsExactlyTheExcessAtFiveTimesTheCap) {
  constexpr int kCap = 20;
  const Latch latch;
  ScriptedUpstream upstream(RespondWhen(latch, HttpReply(204)));
  GatewayProcess gateway(
      {.upstream = upstream.url(), .flags = {"--upstream-max-in-flight", std::to_string(kCap)}});
  const DeleteClient client(gateway.grpc_address());
  const auto start = [&client](int count) {
    std::vector<PendingDelete> calls;
    for (int i = 0; i < count; ++i) calls.push_back(client.Start({.timeout = 1min}));
    return calls;
  };
  std::vector<PendingDelete> admitted = start(kCap);
  ASSERT_TRUE(upstream.WaitForRequests(kCap));
  for (PendingDelete& call : start(4 * kCap)) EXPECT_THAT(call.Get(), HasReason("IN_FLIGHT_CAP"));

  EXPECT_EQ(client.CallRaw("/grpc.health.v1.Health/Check", "").response, "\x08\x01");
  EXPECT_EQ(gateway.Get("/readyz").status, 200);
  EXPECT_EQ(Shed(gateway, "in_flight_cap"), 4 * kCap);

  latch.Open();
  for (PendingDelete& call : admitted) EXPECT_THAT(call.Get(), HasCode(StatusCode::OK));
  for (PendingDelete& call : start(kCap)) EXPECT_THAT(call.Get(), HasCode(StatusCode::OK));
  EXPECT_EQ(upstream.requests().size(), 2u * kCap);
}

TEST(InFlightCapTest, CancelledCallReleasesItsPermit) {
  ScriptedUpstream upstream(InOrder({Hang(), Respond(HttpReply(204))}));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--upstream-max-in-flight", "1"}});
  const DeleteClient client(gateway.grpc_address());
  PendingDelete hung = client.Start({.metadata = {{"x-request-id", "hung"}}});
  ASSERT_TRUE(upstream.WaitForRequests(1));
  hung.Cancel();
  ASSERT_TRUE(gateway.WaitForAccessLine("hung").has_value());
  EXPECT_THAT(client.Delete(), HasCode(StatusCode::OK));
}

TEST(InFlightCapTest, MalformedCallTakesNoPermit) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--upstream-max-in-flight", "1"}});
  const DeleteClient client(gateway.grpc_address());
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(client.Delete({.eval_run_uuid = ".."}), HasCode(StatusCode::INVALID_ARGUMENT));
  }
  EXPECT_THAT(client.Delete(), HasCode(StatusCode::OK));
}

TEST(RetryAfterGateTest, RejectsOtherCallsAfter429WithTheRemainingDelay) {
  ScriptedUpstream upstream(InOrder({Respond(TooMany("60")), Respond(HttpReply(204))}));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  const DeleteReply limited = client.Delete({.timeout = 5s});
  EXPECT_THAT(limited, HasCode(StatusCode::RESOURCE_EXHAUSTED));
  EXPECT_THAT(limited, HasDomain("api.aymara.ai"));
  EXPECT_THAT(limited, HasInfo("retry_stopped", "deadline"));
  EXPECT_EQ(RetryDelayMs(limited), 60'000);

  const DeleteReply held = client.Delete({.metadata = {{"x-request-id", "held"}}});
  EXPECT_THAT(held, HasCode(StatusCode::RESOURCE_EXHAUSTED));
  EXPECT_THAT(held, HasReason("UPSTREAM_HOLD_BACK"));
  EXPECT_THAT(held, HasDeletion("not_performed"));
  EXPECT_THAT(held, HasAttempts(0));
  EXPECT_THAT(held, IsWellFormedError());
  EXPECT_GT(RetryDelayMs(held), 0);
  EXPECT_LE(RetryDelayMs(held), 10'000) << "the default of upstream.max_hold_back";
  EXPECT_EQ(held.Trailing("grpc-retry-pushback-ms"), std::to_string(RetryDelayMs(held)));
  EXPECT_EQ(Shed(gateway, "hold_back"), 1);
  EXPECT_EQ(gateway.Metric("gateway_hold_backs_total"), 1);
  EXPECT_GT(gateway.Metric("gateway_hold_back_remaining_seconds"), 0);
  EXPECT_EQ(gateway.WaitForAccessLine("held")->value("reason", ""), "UPSTREAM_HOLD_BACK");
  EXPECT_EQ(upstream.requests().size(), 1u);
}

TEST(RetryAfterGateTest, CallThatReceivedThe429RetriesAsProbe) {
  ScriptedUpstream upstream(InOrder({Respond(TooMany("1")), Respond(HttpReply(204))}));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  PendingDelete probe = client.Start({.metadata = {{"x-request-id", "probe"}}});
  ASSERT_TRUE(upstream.WaitForRequests(1));
  EXPECT_THAT(probe.Get(), HasCode(StatusCode::OK));
  EXPECT_EQ(gateway.WaitForAccessLine("probe")->value("sends", 0), 2);
  EXPECT_THAT(client.Delete(), HasCode(StatusCode::OK));
  EXPECT_EQ(Shed(gateway, "hold_back"), 0);
}

TEST(RetryAfterGateTest, DelaysRetriesThatComeDue) {
  // The first call loses its connection and is retried within a millisecond; by then the second
  // call has got a 429 that asks to wait one second.
  const Latch lose;
  ScriptedUpstream upstream(InOrder({[&lose](const ReceivedRequest&, UpstreamConnection& peer) {
                                       peer.WaitFor(lose);
                                       peer.Close();
                                     },
                                     Respond(TooMany("1")), Respond(HttpReply(204))}));
  GatewayProcess gateway(
      {.upstream = upstream.url(),
       .flags = {"--retry-initial-backoff", "1ms", "--retry-max-backoff", "1ms"}});
  const DeleteClient client(gateway.grpc_address());
  PendingDelete lost = client.Start();
  ASSERT_TRUE(upstream.WaitForRequests(1));
  // Its deadline is too close for the wait: it is answered immediately, and the hold-back begins.
  ASSERT_THAT(client.Delete({.timeout = 900ms}), HasCode(StatusCode::RESOURCE_EXHAUSTED));
  lose.Open();
  const DeleteReply reply = lost.Get();
  EXPECT_THAT(reply, HasCode(StatusCode::OK));
  EXPECT_GE(reply.elapsed, 900ms);
  EXPECT_EQ(upstream.requests().size(), 3u);
}

TEST(RetryAfterGateTest, CanBeDisabled) {
  ScriptedUpstream upstream(InOrder({Respond(TooMany("60")), Respond(HttpReply(204))}));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--upstream-max-hold-back", "0s"}});
  const DeleteClient client(gateway.grpc_address());
  ASSERT_THAT(client.Delete({.timeout = 5s}), HasCode(StatusCode::RESOURCE_EXHAUSTED));
  EXPECT_THAT(client.Delete(), HasCode(StatusCode::OK));
}

TEST(RetryBudgetTest, DoesNotAmplifyAnOutage) {
  ScriptedUpstream upstream(Respond(ApiErrorReply(503, "server.busy")));
  GatewayProcess gateway({.upstream = upstream.url(),
                          .flags = {"--retry-budget-percent", "10", "--retry-budget-burst", "5",
                                    "--retry-initial-backoff", "1ms"}});
  const DeleteClient client(gateway.grpc_address());
  DeleteReply last;
  for (int i = 0; i < 40; ++i) last = client.Delete();
  EXPECT_LE(upstream.requests().size(), 40u + 5u + 4u);
  EXPECT_GE(upstream.requests().size(), 40u + 5u);
  EXPECT_THAT(last, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(last, HasInfo("retry_stopped", "budget"));
  EXPECT_GT(gateway.Metric("gateway_retries_stopped_total", {"cause=\"budget\""}), 25);
  EXPECT_EQ(gateway.Metric("gateway_retries_total"),
            static_cast<double>(upstream.requests().size()) - 40);
  EXPECT_EQ(gateway.Metric("gateway_retry_budget_retries"), 0);
}

TEST(RetryBudgetTest, CanBeDisabled) {
  ScriptedUpstream upstream(Respond(ApiErrorReply(503, "server.busy")));
  GatewayProcess gateway({.upstream = upstream.url(),
                          .flags = {"--retry-budget=false", "--retry-budget-burst", "0",
                                    "--retry-initial-backoff", "1ms"}});
  const DeleteClient client(gateway.grpc_address());
  for (int i = 0; i < 10; ++i) EXPECT_THAT(client.Delete(), HasInfo("retry_stopped", "attempts"));
  EXPECT_EQ(upstream.requests().size(), 30u);
}

TEST(RetryBudgetTest, RetriesStaleConnectionsOutsideTheBudget) {
  // As when the upstream restarts: each connection serves only one request.
  ScriptedUpstream upstream(
      ByPositionOnConnection({Respond(HttpReply(204)), CloseWithoutResponse()}));
  GatewayProcess gateway({.upstream = upstream.url(),
                          .flags = {"--retry-budget-percent", "0", "--retry-budget-burst", "0",
                                    "--retry-initial-backoff", "1ms"}});
  const DeleteClient client(gateway.grpc_address());
  for (int i = 0; i < 20; ++i) EXPECT_THAT(client.Delete(), HasCode(StatusCode::OK)) << i;
  EXPECT_GE(gateway.Metric("gateway_retries_total"), 10);
}

TEST(PushbackTest, IsNegativeAfterOwnRetries) {
  struct {
    const char* name;
    Script script;
  } const cases[] = {
      {"503", Respond(ApiErrorReply(503, "server.busy"))},
      {"lost", CloseWithoutResponse()},
      {"400", Respond(ApiErrorReply(400, "validation.invalid_request"))},
      {"409", Respond(ApiErrorReply(409, "resource.conflict"))},
      {"429 without a time", Respond(ApiErrorReply(429, "quota.limit_exceeded"))},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.name);
    ScriptedUpstream upstream(row.script);
    GatewayProcess gateway({.upstream = upstream.url()});
    EXPECT_EQ(DeleteClient(gateway.grpc_address()).Delete().Trailing("grpc-retry-pushback-ms"),
              "-1");
  }
}

TEST(PushbackTest, IsTheRetryAfterOfTheUpstream) {
  for (const int status : {429, 503}) {
    SCOPED_TRACE(status);
    ScriptedUpstream upstream(
        Respond(ApiErrorReply(status, "quota.limit_exceeded", "retry-after-ms: 1500\r\n")));
    GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--max-attempts", "1"}});
    EXPECT_EQ(DeleteClient(gateway.grpc_address()).Delete().Trailing("grpc-retry-pushback-ms"),
              "1500");
  }
}

TEST(PushbackTest, IsAbsentOnOk) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url()});
  EXPECT_EQ(DeleteClient(gateway.grpc_address())
                .Delete()
                .trailing_metadata.count("grpc-retry-pushback-ms"),
            0u);
}

TEST(HungUpstreamTest, HungCallsStarveNeitherOtherCallsNorHealth) {
  // Requests with this workspace hang; all others get a response.
  ScriptedUpstream upstream([](const ReceivedRequest& request, UpstreamConnection& connection) {
    if (request.target.find("workspace_uuid") != std::string::npos) {
      Hang()(request, connection);
    } else {
      Respond(HttpReply(204))(request, connection);
    }
  });
  GatewayProcess gateway(
      {.upstream = upstream.url(), .flags = {"--server-max-concurrent-streams=500"}});
  const DeleteClient hung_client(gateway.grpc_address());
  const DeleteClient client(gateway.grpc_address());
  std::vector<PendingDelete> hung;
  for (int i = 0; i < 300; ++i) {
    hung.push_back(hung_client.Start({.workspace_uuid = kWorkspace, .timeout = 1min}));
  }
  ASSERT_TRUE(upstream.WaitForRequests(300, 50s));
  for (int i = 0; i < 20; ++i) EXPECT_THAT(client.Delete({.timeout = 5s}), HasCode(StatusCode::OK));
  EXPECT_EQ(client.CallRaw("/grpc.health.v1.Health/Check", "").response, "\x08\x01");
  EXPECT_EQ(gateway.Get("/healthz").status, 200);
  EXPECT_EQ(gateway.Metric("gateway_calls_in_flight"), 300);
  for (PendingDelete& call : hung) call.Cancel();
}

}  // namespace
}  // namespace evalrun::testing
