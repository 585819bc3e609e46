// SPDX-License-Identifier: Apache-2.0
//
// The caller's deadline: responses arrive before it, and nothing continues after it.
#include <signal.h>

#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/raw_http2.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using namespace std::chrono_literals;
using grpc::StatusCode;

TEST(DeadlineTest, RespondsWithDetailsBeforeTheCallersDeadline) {
  ScriptedUpstream upstream(Hang());
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--deadline-margin", "200ms"}});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete({.timeout = 1500ms});
  EXPECT_THAT(reply, HasCode(StatusCode::DEADLINE_EXCEEDED));
  EXPECT_THAT(reply, HasDeletion("unknown")) << "the client's own timeout has no details";
  EXPECT_THAT(reply, HasAttempts(1));
  EXPECT_THAT(reply, IsWellFormedError());
  EXPECT_LT(reply.elapsed, 1500ms);
  EXPECT_GE(reply.elapsed, 1000ms);
}

// The time of the attempt has passed when the process goes on; the response came while it was
// stopped.
TEST(DeadlineTest, AResponseThatCameInTimeCountsAfterAStop) {
  const Latch latch;
  ScriptedUpstream upstream(RespondWhen(latch, HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--upstream-timeout", "2s"}});
  const DeleteClient client(gateway.grpc_address());
  PendingDelete call = client.Start({.timeout = 60s});
  ASSERT_TRUE(upstream.WaitForRequests(1));
  gateway.process().Signal(SIGSTOP);
  latch.Open();
  std::this_thread::sleep_for(4s);
  gateway.process().Signal(SIGCONT);
  const DeleteReply reply = call.Get();
  EXPECT_THAT(reply, HasCode(StatusCode::OK));
  EXPECT_THAT(reply, HasDeletion("performed"));
  EXPECT_EQ(upstream.requests().size(), 1u);
}

// Whatever has arrived of a response that the upstream never finishes.
TEST(DeadlineTest, AnUnfinishedResponseIsNone) {
  for (const char* bytes :
       {"", "HTTP/1.1 103 X\r\n\r\n", "HTTP/1.1 100 X\r\n\r\nHTTP/1.1 103 X\r\n\r\nHTTP/1.1 20",
        "HTTP/1.1 200 X\r\n", "HTTP/1.1 200 X\r\ncontent-length: 10\r\n\r\n",
        "HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{}",
        "HTTP/1.1 202 X\r\ntransfer-encoding: chunked\r\n\r\n"}) {
    SCOPED_TRACE(bytes);
    ScriptedUpstream upstream(RespondAndStall(bytes));
    GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--deadline-margin", "250ms"}});
    const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete({.timeout = 1s});
    EXPECT_THAT(reply, HasCode(StatusCode::DEADLINE_EXCEEDED));
    EXPECT_THAT(reply, HasDeletion("unknown")) << "the client's own timeout has no details";
    EXPECT_THAT(reply, HasReason("UPSTREAM_TIMEOUT"));
  }
}

// gRPC's C++ client rounds the deadline up to the next 100 ms from 10 s on.
TEST(DeadlineTest, RespondsWithDetailsBeforeALongDeadline) {
  ScriptedUpstream upstream(Hang());
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--upstream-timeout", "60s"}});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete({.timeout = 10'050ms});
  EXPECT_THAT(reply, HasCode(StatusCode::DEADLINE_EXCEEDED));
  EXPECT_THAT(reply, HasDeletion("unknown")) << "the client's own timeout has no details";
  EXPECT_LT(reply.elapsed, 10'050ms);
}

// As grpc-js sends it for `new Date(9999, 11, 31)`, and others for "no deadline": further away than
// std::chrono::system_clock can say. gRPC's C++ client sends none of them.
TEST(DeadlineTest, ADeadlineThatIsCenturiesAwayIsNone) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url()});
  aymara::evals::v1::DeleteEvalRunRequest request;
  request.set_eval_run_uuid(kRun);
  for (const char* timeout :
       {"2000000H", "3000000H", "69800000H", "99999999H", "99999999M", "99999999S"}) {
    ASSERT_TRUE(CallOverRawHttp2(gateway.grpc_address(), request.SerializeAsString(),
                                 {{"grpc-timeout", timeout}, {"x-request-id", timeout}}));
    const auto line = gateway.WaitForAccessLine(timeout);
    ASSERT_TRUE(line.has_value()) << timeout;
    EXPECT_EQ(line->value("rpc.response.status_code", ""), "OK") << *line;
  }
}

TEST(DeadlineTest, CancelsTheTransferWithTheCall) {
  ScriptedUpstream upstream(Hang());
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete({.timeout = 300ms});
  EXPECT_THAT(reply, HasCode(StatusCode::DEADLINE_EXCEEDED));
  EXPECT_TRUE(upstream.WaitForClosedConnections(1, 5s)) << "the attempt timeout is 10 s";
  EXPECT_EQ(upstream.requests().size(), 1u);
}

TEST(DeadlineTest, CancellationClosesTheUpstreamConnection) {
  ScriptedUpstream upstream(Hang());
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  PendingDelete call = client.Start({.metadata = {{"x-request-id", "cancelled"}}});
  ASSERT_TRUE(upstream.WaitForRequests(1));
  call.Cancel();
  EXPECT_THAT(call.Get(), HasCode(StatusCode::CANCELLED));
  EXPECT_TRUE(upstream.WaitForClosedConnections(1, 5s));
  const auto line = gateway.WaitForAccessLine("cancelled");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->value("rpc.response.status_code", ""), "CANCELLED");
  EXPECT_EQ(line->value("deletion", ""), "unknown");
  EXPECT_EQ(line->value("sends", -1), 1);
}

TEST(DeadlineTest, CancellationDuringBackoffStopsRetries) {
  ScriptedUpstream upstream(Respond(ApiErrorReply(503, "server.busy", "retry-after: 1\r\n")));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  PendingDelete call = client.Start(
      {.metadata = {{"x-request-id", "cancelled"}}, .timeout = std::chrono::minutes(1)});
  ASSERT_TRUE(upstream.WaitForRequests(1));
  // The response is on its way: another request gives the gateway the time to receive it.
  gateway.Get("/healthz");
  call.Cancel();
  EXPECT_THAT(call.Get(), HasCode(StatusCode::CANCELLED));
  const auto line = gateway.WaitForAccessLine("cancelled");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->value("rpc.response.status_code", ""), "CANCELLED");
  EXPECT_EQ(line->value("sends", -1), 1);
  EXPECT_FALSE(upstream.WaitForRequests(2, 1500ms)) << "retried although the caller was gone";
  EXPECT_EQ(gateway.Get("/healthz").status, 200);
}

TEST(DeadlineTest, CancelledCallIsNotLoggedWithAnEarlierReason) {
  ScriptedUpstream upstream(Respond(ApiErrorReply(503, "server.busy", "retry-after: 10\r\n")));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  PendingDelete call = client.Start(
      {.metadata = {{"x-request-id", "cancelled"}}, .timeout = std::chrono::minutes(1)});
  ASSERT_TRUE(upstream.WaitForRequests(1));
  gateway.Get("/healthz");
  call.Cancel();
  EXPECT_THAT(call.Get(), HasCode(StatusCode::CANCELLED));
  const auto line = gateway.WaitForAccessLine("cancelled");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->value("reason", ""), "CALL_CANCELLED");
}

TEST(DeadlineTest, AppliesDefaultTimeoutWithoutADeadline) {
  ScriptedUpstream upstream(Hang());
  GatewayProcess gateway(
      {.upstream = upstream.url(), .flags = {"--deadline-default-timeout", "300ms"}});
  grpc::ClientContext context;  // no deadline
  aymara::evals::v1::DeleteEvalRunRequest request;
  request.set_eval_run_uuid(kRun);
  google::protobuf::Empty response;
  const DeleteClient client(gateway.grpc_address());
  const auto stub = aymara::evals::v1::EvalRunService::NewStub(client.channel());
  const auto start = std::chrono::steady_clock::now();
  const grpc::Status status = stub->DeleteEvalRun(&context, request, &response);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s) << "the attempt timeout is 10 s";
  EXPECT_EQ(status.error_code(), StatusCode::DEADLINE_EXCEEDED);
  EXPECT_FALSE(status.error_details().empty());
}

TEST(DeadlineTest, AcceptsASlowResponseWithinTheDeadline) {
  ScriptedUpstream upstream(RespondSlowly(HttpReply(200, "{}"), 5ms));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete();
  EXPECT_THAT(reply, HasCode(StatusCode::OK));
  EXPECT_THAT(reply, HasDeletion("performed"));
}

TEST(DeadlineTest, SlowCallDoesNotDelayOthers) {
  ScriptedUpstream upstream(InOrder({Hang(), Respond(HttpReply(204))}));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  PendingDelete slow = client.Start();
  ASSERT_TRUE(upstream.WaitForRequests(1));
  EXPECT_THAT(client.Delete(), HasCode(StatusCode::OK));
  EXPECT_FALSE(slow.IsDone());
  slow.Cancel();
  EXPECT_THAT(slow.Get(), HasCode(StatusCode::CANCELLED));
}

TEST(DeadlineTest, UpstreamTimeoutIsPerAttempt) {
  ScriptedUpstream upstream(InOrder({Hang(), Respond(HttpReply(204))}));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--upstream-timeout", "300ms"}});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete();
  EXPECT_THAT(reply, HasCode(StatusCode::OK));
  EXPECT_EQ(upstream.requests().size(), 2u);
}

}  // namespace
}  // namespace evalrun::testing
