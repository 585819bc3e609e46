// SPDX-License-Identifier: Apache-2.0
//
// Deadlines as the callers' guide recommends them, and longer ones, against an upstream that
// accepts and never responds: the response with its details arrives before each.
#include <chrono>
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

TEST(LongDeadlineTest, RespondsWithDetailsBeforeTheDeadline) {
  ScriptedUpstream upstream(Hang());
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--upstream-timeout", "60s"}});
  const DeleteClient client(gateway.grpc_address());
  const std::chrono::milliseconds deadlines[] = {10s, 20s, 30s, 60s};
  std::vector<PendingDelete> calls;
  for (const auto deadline : deadlines) calls.push_back(client.Start({.timeout = deadline}));
  for (std::size_t i = 0; i < calls.size(); ++i) {
    SCOPED_TRACE(deadlines[i].count());
    const DeleteReply reply = calls[i].Get();
    EXPECT_THAT(reply, HasCode(StatusCode::DEADLINE_EXCEEDED));
    EXPECT_THAT(reply, HasDeletion("unknown")) << "the client's own timeout has no details";
    EXPECT_THAT(reply, HasReason("UPSTREAM_TIMEOUT"));
    EXPECT_THAT(reply, HasAttempts(1));
    EXPECT_LT(reply.elapsed, deadlines[i]);
    EXPECT_GT(reply.elapsed, deadlines[i] * 97 / 100) << "no sooner than needed";
  }
}

}  // namespace
}  // namespace evalrun::testing
