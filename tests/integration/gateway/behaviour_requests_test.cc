// SPDX-License-Identifier: Apache-2.0
//
// The behaviour table, second part: what reaches the upstream for each kind of call.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using namespace std::string_literals;  // for strings that contain NUL
using grpc::StatusCode;

const std::string kPath = "/v2/eval-runs/";

struct ValidRequest {
  const char* name;
  std::string eval_run_uuid;
  std::optional<std::string> workspace_uuid;
  std::string target;
};

void PrintTo(const ValidRequest& request, std::ostream* os) { *os << request.name; }

class ValidRequestTest : public ::testing::TestWithParam<ValidRequest> {};

TEST_P(ValidRequestTest, ReachesTheUpstreamUnchanged) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteReply reply = DeleteClient(gateway.grpc_address())
                                .Delete({.eval_run_uuid = GetParam().eval_run_uuid,
                                         .workspace_uuid = GetParam().workspace_uuid});
  EXPECT_THAT(reply, HasCode(StatusCode::OK));
  EXPECT_THAT(reply, HasDeletion("performed"));
  ASSERT_EQ(upstream.requests().size(), 1u);
  const ReceivedRequest request = upstream.requests().front();
  EXPECT_EQ(request.method, "DELETE");
  EXPECT_EQ(request.target, GetParam().target);
  EXPECT_EQ(request.body_size, 0u);
  EXPECT_EQ(request.Header("content-length"), std::nullopt);
  EXPECT_EQ(request.Header("transfer-encoding"), std::nullopt);
  EXPECT_THAT(request.raw, ::testing::StartsWith("DELETE " + GetParam().target + " HTTP/1.1\r\n"));
}

INSTANTIATE_TEST_SUITE_P(
    Requests, ValidRequestTest,
    ::testing::Values(
        ValidRequest{"Plain", kRun, kWorkspace, kPath + kRun + "?workspace_uuid=" + kWorkspace},
        ValidRequest{"NoWorkspace", kRun, std::nullopt, kPath + kRun},
        ValidRequest{"Prefixed", "score_run."s + kRun, "workspace."s + kWorkspace,
                     kPath + "score_run." + kRun + "?workspace_uuid=workspace." + kWorkspace},
        ValidRequest{"UpperCase", "954D54BC-BD5F-4CB5-8D20-688F368B712E", std::nullopt,
                     kPath + "954D54BC-BD5F-4CB5-8D20-688F368B712E"}),
    [](const auto& param) { return std::string(param.param.name); });

struct BadRequestCase {
  const char* name;
  std::string eval_run_uuid;
  std::optional<std::string> workspace_uuid;
  std::string field = "eval_run_uuid";
};

void PrintTo(const BadRequestCase& request, std::ostream* os) { *os << request.name; }

class BadRequestTest : public ::testing::TestWithParam<BadRequestCase> {};

void ExpectRefused(const DeleteReply& reply, const std::string& field) {
  EXPECT_THAT(reply, HasCode(StatusCode::INVALID_ARGUMENT));
  EXPECT_THAT(reply, HasDeletion("not_performed"));
  EXPECT_THAT(reply, HasAttempts(0));
  EXPECT_THAT(reply, HasDomain("evalrun-gateway"));
  EXPECT_THAT(reply, IsWellFormedError());
  ASSERT_TRUE(reply.bad_request.has_value());
  ASSERT_EQ(reply.bad_request->field_violations_size(), 1);
  EXPECT_EQ(reply.bad_request->field_violations(0).field(), field);
  EXPECT_FALSE(reply.bad_request->field_violations(0).description().empty());
}

TEST_P(BadRequestTest, IsRejectedWithoutAnAttempt) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteReply reply = DeleteClient(gateway.grpc_address())
                                .Delete({.eval_run_uuid = GetParam().eval_run_uuid,
                                         .workspace_uuid = GetParam().workspace_uuid});
  ExpectRefused(reply, GetParam().field);
  EXPECT_EQ(upstream.connections(), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Requests, BadRequestTest,
    ::testing::Values(
        BadRequestCase{"EmptyId", "", kWorkspace},
        BadRequestCase{"Traversal", "../../v2/api-keys/1", kWorkspace},
        BadRequestCase{"DotDot", "..", kWorkspace}, BadRequestCase{"Dot", ".", kWorkspace},
        BadRequestCase{"Slash", "a/b", kWorkspace},
        BadRequestCase{"Query", "a?workspace_uuid=other", kWorkspace},
        BadRequestCase{"UuidWithQuery", kRun + "?workspace_uuid=other"s, std::nullopt},
        BadRequestCase{"Fragment", "a#b", kWorkspace},
        BadRequestCase{"EncodedDots", "%2e%2e", kWorkspace},
        BadRequestCase{"EncodedSlash", "%2f", kWorkspace},
        BadRequestCase{"SpaceAndPlus", "a b+c", kWorkspace},
        BadRequestCase{"HeaderInjection", "a\r\nx-evil: 1", kWorkspace},
        BadRequestCase{"UuidWithHeaderInjection", kRun + " HTTP/1.1\r\nx-evil: 1"s, std::nullopt},
        BadRequestCase{"Letter", "\xc3\xa9", kWorkspace},
        BadRequestCase{"UnicodeDigits", "\xd9\xa1\xd9\xa2", kWorkspace},
        BadRequestCase{"Nul", "a\0b"s, kWorkspace},
        BadRequestCase{"UuidWithNul", kRun + "\0"s, kWorkspace},
        BadRequestCase{"TenKilobytes", std::string(10240, 'u'), kWorkspace},
        BadRequestCase{"Opaque", "my-run", kWorkspace},
        BadRequestCase{"EmptyWorkspace", kRun, "", "workspace_uuid"},
        BadRequestCase{"WorkspaceWithAnotherParameter", kRun, "x&eval=1#f", "workspace_uuid"},
        BadRequestCase{"WorkspaceWithSpaceAndPlus", kRun, "a b+c", "workspace_uuid"},
        BadRequestCase{"EveryWorkspace", kRun, "*", "workspace_uuid"}),
    [](const auto& param) { return std::string(param.param.name); });

// gRPC rejects this message because of its size, before the gateway's code sees it.
TEST(BadRequestTest, A64KiBIdIsRejectedByGrpc) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteReply reply =
      DeleteClient(gateway.grpc_address()).Delete({.eval_run_uuid = std::string(65536, 'u')});
  EXPECT_THAT(reply, HasCode(StatusCode::RESOURCE_EXHAUSTED));
  EXPECT_EQ(upstream.connections(), 0);
}

TEST(BadRequestTest, OpaqueIdsCannotChangeTheRequestTarget) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--ids-opaque=true"}});
  const DeleteClient client(gateway.grpc_address());
  for (const std::string& id : {"."s, ".."s, "a/b"s, "a%2fb"s, "a?b"s, "a b"s, ""s, "a\0b"s,
                                "a\r\nb"s, std::string(129, 'a')}) {
    SCOPED_TRACE(::testing::PrintToString(id));
    ExpectRefused(client.Delete({.eval_run_uuid = id}), "eval_run_uuid");
  }
  EXPECT_EQ(upstream.connections(), 0);
  EXPECT_THAT(client.Delete({.eval_run_uuid = "My-run_1.b"}), HasCode(StatusCode::OK));
  ASSERT_EQ(upstream.requests().size(), 1u);
  EXPECT_EQ(upstream.requests().front().target, kPath + "My-run_1.b");
}

}  // namespace
}  // namespace evalrun::testing
