// SPDX-License-Identifier: Apache-2.0
//
// A 404 of the API is about the run only if the workspace exists: where the proof comes from, and
// what the caller gets without it.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using namespace std::chrono_literals;
using grpc::StatusCode;
using ::testing::HasSubstr;
using ::testing::IsSubsetOf;
using ::testing::SizeIs;

const std::string kNotFound = ApiErrorReply(404, "resource.not_found");

// An upstream that handles deletions by `script`, and GETs of the list by `list`.
ScriptedUpstream::Options List(Script list) {
  ScriptedUpstream::Options options;
  options.list = std::move(list);
  return options;
}

double Probes(const GatewayProcess& gateway, const std::string& result) {
  return gateway.Metric("gateway_scope_probes_total", {"result=\"" + result + "\""}).value_or(-1);
}

TEST(ScopeTest, ListProvesTheWorkspaceForAWhile) {
  ScriptedUpstream upstream(Respond(kNotFound));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  const DeleteReply reply = client.Delete(
      {.workspace_uuid = kWorkspace, .metadata = {{"x-request-id", "a-1"}, {"x-custom", "1"}}});
  EXPECT_THAT(reply, HasCode(StatusCode::NOT_FOUND));
  EXPECT_THAT(reply, HasDeletion("absent"));
  EXPECT_THAT(reply, HasAttempts(1));
  ASSERT_THAT(upstream.list_requests(), SizeIs(1));
  const ReceivedRequest list = upstream.list_requests().front();
  EXPECT_EQ(list.target, std::string("/v2/eval-runs?limit=1&workspace_uuid=") + kWorkspace);
  EXPECT_EQ(list.Header("x-api-key"), kCanaryKey);
  EXPECT_EQ(list.body_size, 0u);
  EXPECT_THAT(list.HeaderNames(), IsSubsetOf({"accept", "host", "user-agent", "x-api-key"}));
  EXPECT_EQ(list.nth_on_connection, 1) << "on the connection of the deletion";

  const DeleteReply again = client.Delete({.workspace_uuid = kWorkspace, .allow_missing = true});
  EXPECT_THAT(again, HasCode(StatusCode::OK));
  EXPECT_THAT(again, HasDeletion("absent"));
  EXPECT_THAT(upstream.list_requests(), SizeIs(1)) << "it is known by now";
  EXPECT_EQ(upstream.connections(), 1) << "and the connection deletes again";
  EXPECT_EQ(Probes(gateway, "proven"), 1);
  EXPECT_EQ(Probes(gateway, "missing"), 0);

  client.Delete();
  ASSERT_THAT(upstream.list_requests(), SizeIs(2));
  EXPECT_EQ(upstream.list_requests().back().target, "/v2/eval-runs?limit=1");
}

TEST(ScopeTest, DeletionProvesTheWorkspace) {
  ScriptedUpstream upstream(InOrder({Respond(HttpReply(204)), Respond(kNotFound)}));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  EXPECT_THAT(client.Delete({.workspace_uuid = kWorkspace}), HasCode(StatusCode::OK));
  EXPECT_THAT(client.Delete({.workspace_uuid = kWorkspace}), HasCode(StatusCode::NOT_FOUND));
  EXPECT_THAT(upstream.list_requests(), SizeIs(0));
}

TEST(ScopeTest, ZeroTtlProbesEachTime) {
  ScriptedUpstream upstream(Respond(kNotFound));
  GatewayProcess gateway(
      {.upstream = upstream.url(), .flags = {"--upstream-absence-proof-ttl", "0s"}});
  const DeleteClient client(gateway.grpc_address());
  for (int i = 0; i < 3; ++i) EXPECT_THAT(client.Delete(), HasCode(StatusCode::NOT_FOUND));
  EXPECT_THAT(upstream.list_requests(), SizeIs(3));
}

TEST(ScopeTest, CodeThatNamesTheRunNeedsNoProof) {
  ScriptedUpstream upstream(Respond(ApiErrorReply(404, "resource.score_run_not_found")));
  GatewayProcess gateway({.upstream = upstream.url()});
  EXPECT_THAT(DeleteClient(gateway.grpc_address()).Delete(), HasCode(StatusCode::NOT_FOUND));
  EXPECT_THAT(upstream.list_requests(), SizeIs(0));
}

TEST(ScopeTest, CodeThatNamesTheWorkspaceReplacesProof) {
  ScriptedUpstream upstream(InOrder(
      {Respond(HttpReply(204)), Respond(ApiErrorReply(404, "resource.workspace_not_found"))}));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  EXPECT_THAT(client.Delete({.workspace_uuid = kWorkspace}), HasCode(StatusCode::OK));
  const DeleteReply reply = client.Delete({.workspace_uuid = kWorkspace, .allow_missing = true});
  EXPECT_THAT(reply, HasCode(StatusCode::FAILED_PRECONDITION));
  EXPECT_THAT(reply, HasReason("SCOPE_NOT_FOUND"));
  EXPECT_THAT(reply, HasDeletion("not_performed"));
  EXPECT_THAT(reply, HasInfo("upstream_code", "resource.workspace_not_found"));
  EXPECT_THAT(reply, IsWellFormedError());
  EXPECT_THAT(upstream.list_requests(), SizeIs(0));
  EXPECT_EQ(Probes(gateway, "missing"), 1) << "the alert counts it";
}

TEST(ScopeTest, MissingWorkspaceIsNeverOk) {
  ScriptedUpstream upstream(Respond(kNotFound), List(Respond(kNotFound)));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  for (const bool allow_missing : {true, false}) {
    const DeleteReply reply =
        client.Delete({.workspace_uuid = kWorkspace, .allow_missing = allow_missing});
    EXPECT_THAT(reply, HasCode(StatusCode::FAILED_PRECONDITION));
    EXPECT_THAT(reply, HasReason("SCOPE_NOT_FOUND"));
    EXPECT_THAT(reply, HasDomain("evalrun-gateway"));
    EXPECT_THAT(reply, HasDeletion("not_performed"));
    EXPECT_THAT(reply, HasInfo("http_status", "404"));
    EXPECT_THAT(reply, HasInfo("upstream_code", "resource.not_found"));
    EXPECT_THAT(reply, IsWellFormedError());
    EXPECT_EQ(reply.Trailing("grpc-retry-pushback-ms"), "-1");
    ASSERT_TRUE(reply.resource_info.has_value());
    EXPECT_EQ(reply.resource_info->resource_type(), "aymara.evals.v1.Workspace");
    EXPECT_EQ(reply.resource_info->resource_name(), kWorkspace);
    EXPECT_THAT(reply.message, HasSubstr("workspace"));
  }
  EXPECT_THAT(upstream.list_requests(), SizeIs(1));
  EXPECT_EQ(Probes(gateway, "missing"), 1);
  const DeleteReply own = client.Delete();
  EXPECT_THAT(own, HasReason("SCOPE_NOT_FOUND"));
  ASSERT_TRUE(own.resource_info.has_value());
  EXPECT_EQ(own.resource_info->resource_name(), "") << "the workspace of the API key";
}

TEST(ScopeTest, MissingWorkspaceAfterALostResponseIsUnknown) {
  ScriptedUpstream upstream(InOrder({CloseWithoutResponse(), Respond(kNotFound)}),
                            List(Respond(kNotFound)));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete({.allow_missing = true});
  EXPECT_THAT(reply, HasCode(StatusCode::FAILED_PRECONDITION));
  EXPECT_THAT(reply, HasDeletion("unknown"));
  EXPECT_THAT(reply, HasAttempts(2));
}

struct UnverifiableCase {
  const char* name;
  Script list;
  const char* result = "unverifiable";
};

class UnverifiableTest : public ::testing::TestWithParam<UnverifiableCase> {};

TEST_P(UnverifiableTest, IsNeverOk) {
  ScriptedUpstream upstream(Respond(kNotFound), List(GetParam().list));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--upstream-timeout", "300ms"}});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete({.allow_missing = true});
  EXPECT_THAT(reply, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(reply, HasReason("ABSENCE_UNVERIFIED"));
  EXPECT_THAT(reply, HasDomain("evalrun-gateway"));
  EXPECT_THAT(reply, HasDeletion("not_performed"));
  EXPECT_THAT(reply, HasAttempts(1));
  EXPECT_THAT(reply, IsWellFormedError());
  EXPECT_EQ(reply.Trailing("grpc-retry-pushback-ms"), "-1");
  EXPECT_FALSE(reply.resource_info.has_value());
  EXPECT_THAT(upstream.requests(), SizeIs(1));
  EXPECT_EQ(Probes(gateway, GetParam().result), 1);
}

INSTANTIATE_TEST_SUITE_P(
    Lists, UnverifiableTest,
    ::testing::Values(
        UnverifiableCase{"Page404", Respond(HttpReply(404, "<html></html>", "text/html"))},
        UnverifiableCase{"Page200", Respond(HttpReply(200, "<html></html>", "text/html"))},
        UnverifiableCase{"Redirect",
                         Respond(HttpReply(302, "", "", "location: /v2/elsewhere\r\n"))},
        UnverifiableCase{"Failure", Respond(ApiErrorReply(500, "server.internal_error"))},
        UnverifiableCase{"Lost", CloseWithoutResponse()}, UnverifiableCase{"Silence", Hang()},
        UnverifiableCase{"Unauthenticated", Respond(ApiErrorReply(401, "auth.invalid_key")),
                         "forbidden"},
        UnverifiableCase{"Forbidden", Respond(ApiErrorReply(403, "auth.insufficient_permissions")),
                         "forbidden"}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(ScopeTest, LongListProvesTheWorkspaceAlsoWhenItIsCut) {
  const std::string list =
      R"({"items": [{"eval_run_uuid": "u", "name": ")" + std::string(200'000, 'n');
  ScriptedUpstream upstream(Respond(kNotFound),
                            List(RespondAndClose(HttpReply(200, list + "\"}], \"count\": 1}"))));
  GatewayProcess gateway({.upstream = upstream.url()});
  EXPECT_THAT(DeleteClient(gateway.grpc_address()).Delete(), HasCode(StatusCode::NOT_FOUND));
}

TEST(ScopeTest, KeyThatMayNotListIsReported) {
  ScriptedUpstream upstream(Respond(kNotFound),
                            List(Respond(ApiErrorReply(403, "auth.insufficient_permissions"))));
  GatewayProcess gateway({.upstream = upstream.url()});
  DeleteClient(gateway.grpc_address()).Delete();
  const auto event = gateway.WaitForEvent("absence_check_forbidden");
  ASSERT_TRUE(event.has_value());
  EXPECT_THAT(*event, HasSubstr(R"("level":"error")"));
  EXPECT_THAT(*event, HasSubstr(R"("upstream_key":"default")"));
  EXPECT_THAT(*event, HasSubstr(R"("setting":"upstream.verify_absence")"));
}

TEST(ScopeTest, SettingDisablesTheCheck) {
  ScriptedUpstream upstream(Respond(kNotFound), List(Respond(kNotFound)));
  GatewayProcess gateway(
      {.upstream = upstream.url(), .flags = {"--upstream-verify-absence=false"}});
  const DeleteClient client(gateway.grpc_address());
  EXPECT_THAT(client.Delete(), HasCode(StatusCode::NOT_FOUND));
  EXPECT_THAT(client.Delete({.allow_missing = true}), HasCode(StatusCode::OK));
  EXPECT_THAT(upstream.list_requests(), SizeIs(0));
}

TEST(ScopeTest, ResponseArrivesBeforeTheCallersDeadlineWhenTheListHangs) {
  ScriptedUpstream upstream(Respond(kNotFound), List(Hang()));
  // The margin is for a busy machine.
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--deadline-margin", "250ms"}});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete({.timeout = 1s});
  EXPECT_THAT(reply, HasReason("ABSENCE_UNVERIFIED"));
  EXPECT_LT(reply.elapsed, 1s);
  EXPECT_TRUE(upstream.WaitForClosedConnections(1)) << "nobody waits for it any more";
}

TEST(ScopeTest, CallsShareAProbe) {
  constexpr int kCalls = 20;
  Latch listed;
  ScriptedUpstream upstream(Respond(kNotFound), List(RespondWhen(listed, EmptyListReply())));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  std::vector<PendingDelete> calls;
  for (int i = 0; i < kCalls; ++i) {
    calls.push_back(client.Start({.workspace_uuid = kWorkspace,
                                  .metadata = {{"x-request-id", "call-" + std::to_string(i)}}}));
  }
  ASSERT_TRUE(upstream.WaitForRequests(kCalls));
  calls.front().Cancel();
  EXPECT_THAT(calls.front().Get(), HasCode(StatusCode::CANCELLED));
  const auto line = gateway.WaitForAccessLine("call-0");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->value("reason", ""), "CALL_CANCELLED");
  listed.Open();
  for (int i = 1; i < kCalls; ++i) EXPECT_THAT(calls[i].Get(), HasCode(StatusCode::NOT_FOUND));
  EXPECT_THAT(upstream.list_requests(), SizeIs(1));
  EXPECT_EQ(Probes(gateway, "proven"), 1);
}

}  // namespace
}  // namespace evalrun::testing
