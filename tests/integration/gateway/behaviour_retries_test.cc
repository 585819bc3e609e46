// SPDX-License-Identifier: Apache-2.0
//
// The first part again, with the default of three attempts: which responses are retried, and what
// the caller gets after all attempts.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/gateway/upstream_cases.h"
#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"

namespace evalrun::testing {
namespace {

using namespace std::chrono_literals;
using grpc::StatusCode;

class BehaviourRetriesTest : public ::testing::TestWithParam<UpstreamCase> {};

TEST_P(BehaviourRetriesTest, UpToThreeAttempts) {
  const UpstreamCase& row = GetParam();
  ScriptedUpstream upstream(row.script());
  // The attempt timeout is shorter than in the first part, so that three attempts fit into the
  // call.
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--upstream-timeout", "500ms"}});
  const DeleteClient client(gateway.grpc_address());
  if (row.on_reused_connection) {
    ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK));
  }
  const size_t earlier = upstream.requests().size();

  const DeleteReply reply =
      client.Delete({.metadata = {{"x-request-id", "call-1"}}, .timeout = 6s});

  const StatusCode code = row.eventually_succeeds ? StatusCode::OK : row.code;
  const std::string deletion = row.eventually_succeeds ? "performed" : row.deletion;
  EXPECT_THAT(reply, HasCode(code));
  EXPECT_THAT(reply, HasDeletion(deletion));
  EXPECT_EQ(upstream.requests().size() - earlier, static_cast<size_t>(row.attempts));
  if (code != StatusCode::OK) {
    EXPECT_THAT(reply, IsWellFormedError());
    EXPECT_THAT(reply, HasAttempts(row.attempts));
  }
  const auto line = gateway.WaitForAccessLine("call-1");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->value("sends", -1), row.attempts);
  EXPECT_EQ(line->value("deletion", ""), deletion);
}

INSTANTIATE_TEST_SUITE_P(Upstream, BehaviourRetriesTest, ::testing::ValuesIn(UpstreamCases()),
                         [](const auto& param) { return param.param.name; });

TEST(BehaviourRetriesTest, ConnectionRefused) {
  const RefusingPort nobody;
  GatewayProcess gateway({.upstream = nobody.url()});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete();
  EXPECT_THAT(reply, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(reply, HasDeletion("not_performed"));
  EXPECT_THAT(reply, HasAttempts(3));
}

}  // namespace
}  // namespace evalrun::testing
