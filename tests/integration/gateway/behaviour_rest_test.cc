// SPDX-License-Identifier: Apache-2.0
//
// The behaviour table, third part: everything else.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using grpc::StatusCode;

class BehaviourRestTest : public ::testing::Test {
 protected:
  ScriptedUpstream upstream_{Respond(HttpReply(204))};
  GatewayProcess gateway_{{.upstream = upstream_.url()}};
  DeleteClient client_{gateway_.grpc_address()};
};

TEST_F(BehaviourRestTest, ForwardsOnlyTheRequestIdOfTheMetadata) {
  EXPECT_THAT(client_.Delete({.metadata = {{"x-api-key", "evil"},
                                           {"x-request-id", "abc-1"},
                                           {"authorization", "Bearer t"},
                                           {"x-custom", "1"}}}),
              HasCode(StatusCode::OK));
  ASSERT_EQ(upstream_.requests().size(), 1u);
  const ReceivedRequest request = upstream_.requests().front();
  EXPECT_EQ(request.Header("x-api-key"), kCanaryKey);
  EXPECT_EQ(request.Header("x-request-id"), "abc-1");
  EXPECT_THAT(request.raw, ::testing::Not(::testing::HasSubstr("evil")));
  EXPECT_THAT(request.HeaderNames(),
              ::testing::IsSubsetOf({"accept", "host", "user-agent", "x-api-key", "x-request-id"}));
}

TEST_F(BehaviourRestTest, UnknownMethodAndUnknownService) {
  EXPECT_THAT(client_.CallRaw("/aymara.evals.v1.EvalRunService/Nope", ""),
              HasCode(StatusCode::UNIMPLEMENTED));
  EXPECT_THAT(client_.CallRaw("/no.Such/Thing", ""), HasCode(StatusCode::UNIMPLEMENTED));
  EXPECT_EQ(upstream_.connections(), 0);
}

TEST_F(BehaviourRestTest, HealthCheck) {
  const DeleteReply reply = client_.CallRaw("/grpc.health.v1.Health/Check", "");
  EXPECT_THAT(reply, HasCode(StatusCode::OK));
  EXPECT_EQ(reply.response, "\x08\x01") << "SERVING";
}

TEST_F(BehaviourRestTest, RejectsBytesThatDoNotParse) {
  for (const std::string& bytes : {"\x0a\xff\xff"s,  // an endless length
                                   "\x0a\x24"
                                   "00000204-0000"s,        // truncated within the id
                                   "\x0a\x02\xff\xfe"s}) {  // an id that is not UTF-8
    SCOPED_TRACE(::testing::PrintToString(bytes));
    const DeleteReply reply = client_.CallRaw(kDeleteMethod, bytes);
    EXPECT_THAT(reply, HasCode(StatusCode::INVALID_ARGUMENT));
    EXPECT_THAT(reply, HasDeletion("not_performed"));
    EXPECT_THAT(reply, IsWellFormedError());
  }
  EXPECT_EQ(upstream_.connections(), 0);
  EXPECT_THAT(client_.Delete(), HasCode(StatusCode::OK)) << "the gateway still works";
}

TEST_F(BehaviourRestTest, RejectsAnEmptyId) {
  const DeleteReply reply = client_.CallRaw(kDeleteMethod, "\x0a\0"s);
  EXPECT_THAT(reply, HasCode(StatusCode::INVALID_ARGUMENT));
  EXPECT_THAT(reply, HasDeletion("not_performed"));
  EXPECT_EQ(upstream_.connections(), 0);
}

TEST_F(BehaviourRestTest, RejectsAnEmptyWorkspace) {
  const DeleteReply reply = client_.CallRaw(kDeleteMethod, "\x0a\x24"s + kRun + "\x12\0"s);
  EXPECT_THAT(reply, HasCode(StatusCode::INVALID_ARGUMENT));
  EXPECT_EQ(upstream_.connections(), 0);
}

TEST_F(BehaviourRestTest, IgnoresUnknownFields) {
  const std::string message = "\x0a\x24"s + kRun + "\x12\x24" + kWorkspace + "\x4a\x01x";
  EXPECT_THAT(client_.CallRaw(kDeleteMethod, message), HasCode(StatusCode::OK));
  ASSERT_EQ(upstream_.requests().size(), 1u);
  EXPECT_EQ(upstream_.requests().front().target,
            "/v2/eval-runs/"s + kRun + "?workspace_uuid=" + kWorkspace);
}

TEST_F(BehaviourRestTest, RejectsAMissingMessage) {
  EXPECT_THAT(client_.CallRaw(kDeleteMethod, ""), HasCode(StatusCode::INVALID_ARGUMENT));
  EXPECT_EQ(upstream_.connections(), 0);
}

}  // namespace
}  // namespace evalrun::testing
