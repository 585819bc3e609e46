// SPDX-License-Identifier: Apache-2.0
//
// SIGTERM: accepted calls are answered, calls that hang are cut off at the timeout, and an idle
// process exits at once.
#include <signal.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/raw_stream.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using namespace std::chrono_literals;
using grpc::StatusCode;

void ExpectCleanExit(GatewayProcess& gateway, std::chrono::milliseconds within) {
  const auto exit = gateway.process().WaitForExit(within);
  ASSERT_TRUE(exit.has_value()) << "still running after " << within.count() << " ms";
  EXPECT_EQ(exit->code, 0) << gateway.process().all_output();
}

// Returns when the gateway reports that it is shutting down.
void WaitUntilNotReady(const GatewayProcess& gateway) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (gateway.Get("/readyz").status == 200) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "still ready";
  }
}

TEST(DrainTest, CompletesEveryCallThatReachedTheUpstream) {
  constexpr size_t kInFlight = 200;
  // At most eight responses at once per connection: service/README.md explains why.
  constexpr size_t kClients = 25;
  const Latch latch;
  ScriptedUpstream upstream(RespondWhen(latch, HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url(),
                          .flags = {"--upstream-timeout", "60s", "--drain-timeout", "60s"}});
  std::vector<std::unique_ptr<DeleteClient>> clients;
  for (size_t i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<DeleteClient>(gateway.grpc_address()));
    ASSERT_TRUE(
        clients.back()->channel()->WaitForConnected(std::chrono::system_clock::now() + 20s));
  }
  std::vector<PendingDelete> calls;
  for (size_t i = 0; i < kInFlight; ++i) {
    calls.push_back(clients[i % kClients]->Start({.timeout = 60s}));
  }
  ASSERT_TRUE(upstream.WaitForRequests(kInFlight, 50s));

  // New calls on the open connections, before, during and after the drain announcement.
  std::atomic<bool> stop = false;
  std::vector<PendingDelete> late;
  std::thread caller([&] {
    for (size_t i = 0; !stop || i < 20; ++i) {
      if (late.size() < 2 * kClients)
        late.push_back(clients[i % kClients]->Start({.timeout = 60s}));
      gateway.Get("/healthz");
    }
  });
  gateway.process().Signal(SIGTERM);
  WaitUntilNotReady(gateway);
  stop = true;
  caller.join();
  latch.Open();

  size_t ok = 0;
  for (PendingDelete& call : calls) {
    const DeleteReply reply = call.Get();
    EXPECT_THAT(reply, HasCode(StatusCode::OK));
    EXPECT_THAT(reply, HasDeletion("performed"));
    ok += reply.code == StatusCode::OK ? 1 : 0;
  }
  for (PendingDelete& call : late) {
    const DeleteReply reply = call.Get();
    if (reply.code == StatusCode::OK) {
      ++ok;
    } else {
      // Rejected by gRPC itself, before the gateway's code saw the call. A call after the GOAWAY
      // gets UNAVAILABLE; one that crossed it on the wire gets CANCELLED.
      EXPECT_THAT(reply, ::testing::AnyOf(HasCode(StatusCode::UNAVAILABLE),
                                          HasCode(StatusCode::CANCELLED)));
      EXPECT_FALSE(reply.error_info.has_value());
    }
  }
  EXPECT_EQ(ok, upstream.requests().size()) << "a call was forwarded but did not return OK";
  ExpectCleanExit(gateway, 20s);
  EXPECT_EQ(gateway.AccessLog().size(), ok);
}

TEST(DrainTest, AnswersHungCallsAtTheDrainTimeout) {
  ScriptedUpstream upstream(Hang());
  GatewayProcess gateway({.upstream = upstream.url(),
                          .flags = {"--upstream-timeout", "60s", "--drain-timeout", "500ms"}});
  const DeleteClient client(gateway.grpc_address());
  PendingDelete call = client.Start({.metadata = {{"x-request-id", "hung"}}, .timeout = 60s});
  ASSERT_TRUE(upstream.WaitForRequests(1));
  const auto start = std::chrono::steady_clock::now();
  gateway.process().Signal(SIGTERM);
  ExpectCleanExit(gateway, 10s);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 400ms)
      << "the drain timeout is half a second";
  const DeleteReply reply = call.Get();
  EXPECT_THAT(reply, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(reply, HasReason("GATEWAY_SHUTTING_DOWN"));
  EXPECT_THAT(reply, HasDeletion("unknown"));
  EXPECT_EQ(reply.Trailing("x-envoy-ratelimited"), "true");
  const auto log = gateway.AccessLog();
  ASSERT_EQ(log.size(), 1u);
  EXPECT_EQ(log[0].value("request_id", ""), "hung");
  EXPECT_EQ(log[0].value("deletion", ""), "unknown");
}

TEST(DrainTest, CompletesCallsWithinTheDrainTimeout) {
  const Latch latch;
  ScriptedUpstream upstream(RespondWhen(latch, HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  PendingDelete call = client.Start({.timeout = 60s});
  ASSERT_TRUE(upstream.WaitForRequests(1));
  gateway.process().Signal(SIGTERM);
  WaitUntilNotReady(gateway);
  EXPECT_FALSE(gateway.process().WaitForExit(300ms).has_value()) << "exited with a call in flight";
  latch.Open();
  EXPECT_THAT(call.Get(), HasCode(StatusCode::OK));
  ExpectCleanExit(gateway, 10s);
}

TEST(DrainTest, CompletesCallsInBackoff) {
  ScriptedUpstream upstream(
      InOrder({Respond(ApiErrorReply(503, "server.busy", "retry-after-ms: 700\r\n")),
               Respond(HttpReply(204))}));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  PendingDelete call = client.Start();
  ASSERT_TRUE(upstream.WaitForRequests(1));
  gateway.process().Signal(SIGTERM);
  EXPECT_THAT(call.Get(), HasCode(StatusCode::OK));
  EXPECT_EQ(upstream.requests().size(), 2u);
  ExpectCleanExit(gateway, 10s);
}

TEST(DrainTest, IdleGatewayStopsAtOnce) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url()});
  gateway.process().Signal(SIGTERM);
  ExpectCleanExit(gateway, 5s);
}

TEST(DrainTest, StopsAtOnceWithOpenHealthWatchAndIdleConnections) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK));
  RawStream watch(client.channel(), "/grpc.health.v1.Health/Watch", "");
  ASSERT_EQ(watch.Read(), "\x08\x01") << "SERVING";
  gateway.process().Signal(SIGTERM);
  ExpectCleanExit(gateway, 5s);
}

TEST(DrainTest, NotifiesHealthWatchesDuringTheDelay) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--drain-delay", "60s"}});
  const DeleteClient client(gateway.grpc_address());
  RawStream watch(client.channel(), "/grpc.health.v1.Health/Watch", "");
  ASSERT_EQ(watch.Read(), "\x08\x01") << "SERVING";
  gateway.process().Signal(SIGTERM);
  EXPECT_EQ(watch.Read(), "\x08\x02") << "NOT_SERVING";
  WaitUntilNotReady(gateway);
  EXPECT_THAT(client.Delete(), HasCode(StatusCode::OK)) << "calls are still served";
  gateway.process().Signal(SIGTERM);  // the second signal cuts the delay short
  ExpectCleanExit(gateway, 5s);
}

TEST(DrainTest, ASecondSignalEndsTheCallsThatAreLeft) {
  ScriptedUpstream upstream(Hang());
  GatewayProcess gateway({.upstream = upstream.url(),
                          .flags = {"--upstream-timeout", "60s", "--drain-timeout", "60s"}});
  const DeleteClient client(gateway.grpc_address());
  PendingDelete call = client.Start({.timeout = 60s});
  ASSERT_TRUE(upstream.WaitForRequests(1));
  gateway.process().Signal(SIGTERM);
  WaitUntilNotReady(gateway);
  EXPECT_FALSE(gateway.process().WaitForExit(300ms).has_value()) << "a call is under way";
  gateway.process().Signal(SIGTERM);
  EXPECT_THAT(call.Get(), HasReason("GATEWAY_SHUTTING_DOWN"));
  ExpectCleanExit(gateway, 20s);
}

TEST(DrainTest, NothingIsSentForACallWhoseMessageComesAfterTheSecondSignal) {
  ScriptedUpstream upstream(InOrder({Respond(HttpReply(204)), Hang()}));
  GatewayProcess gateway({.upstream = upstream.url(),
                          .flags = {"--upstream-timeout", "60s", "--drain-timeout", "60s"}});
  const DeleteClient client(gateway.grpc_address());
  RawStream late(client.channel(), "/aymara.evals.v1.EvalRunService/DeleteEvalRun");
  // On the same connection: the gateway then knows of the call before.
  ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK));
  PendingDelete hung = client.Start({.timeout = 60s});
  ASSERT_TRUE(upstream.WaitForRequests(2));
  gateway.process().Signal(SIGTERM);
  WaitUntilNotReady(gateway);
  gateway.process().Signal(SIGTERM);
  EXPECT_THAT(hung.Get(), HasReason("GATEWAY_SHUTTING_DOWN"));

  aymara::evals::v1::DeleteEvalRunRequest request;
  request.set_eval_run_uuid(kRun);
  late.Send(request.SerializeAsString());
  EXPECT_EQ(late.Read(), std::nullopt);
  const grpc::Status status = late.Finish();
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_details(), ::testing::HasSubstr("GATEWAY_SHUTTING_DOWN"));
  EXPECT_THAT(status.error_details(), ::testing::HasSubstr("not_performed"));
  ExpectCleanExit(gateway, 20s);
  EXPECT_EQ(upstream.requests().size(), 2u);
}

TEST(DrainTest, SigintDrainsLikeSigterm) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url()});
  gateway.process().Signal(SIGINT);
  ExpectCleanExit(gateway, 5s);
}

}  // namespace
}  // namespace evalrun::testing
