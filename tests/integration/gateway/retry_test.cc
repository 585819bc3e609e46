// SPDX-License-Identifier: Apache-2.0
//
// Retries: when the upstream asks for them, when it forbids them, and how a caller's own retries
// count.
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

struct CallResult {
  DeleteReply reply;
  size_t requests = 0;
};

CallResult Call(std::vector<Script> scripts, const DeleteCall& call = {},
                std::vector<std::string> flags = {}) {
  ScriptedUpstream upstream(InOrder(std::move(scripts)));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = std::move(flags)});
  CallResult result;
  result.reply = DeleteClient(gateway.grpc_address()).Delete(call);
  result.requests = upstream.requests().size();
  return result;
}

const std::string kAbsent = ApiErrorReply(404, "resource.not_found");
const std::string kUnrecognized404Reply = HttpReply(404, "<html>no endpoints</html>", "text/html");
const std::string kBusy = ApiErrorReply(503, "server.busy");
const std::string kDone = HttpReply(204);
const std::string kFailed = ApiErrorReply(500, "server.internal_error");

TEST(AllowMissingTest, MissingRunIsOk) {
  const CallResult result = Call({Respond(kAbsent)}, {.allow_missing = true});
  EXPECT_THAT(result.reply, HasCode(StatusCode::OK));
  EXPECT_EQ(result.reply.Trailing("evalrun-deletion"), "absent");
}

TEST(AllowMissingTest, Unrecognized404IsNotOk) {
  const CallResult result = Call({Respond(kUnrecognized404Reply)}, {.allow_missing = true});
  EXPECT_THAT(result.reply, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_EQ(result.reply.Trailing("grpc-retry-pushback-ms"), "-1");
  EXPECT_THAT(result.reply, HasReason("UPSTREAM_UNRECOGNIZED_404"));
  EXPECT_THAT(result.reply, HasDeletion("not_performed"));
}

TEST(AllowMissingTest, DeletedRunIsOk) {
  const CallResult result = Call({Respond(kDone)}, {.allow_missing = true});
  EXPECT_THAT(result.reply, HasCode(StatusCode::OK));
  EXPECT_EQ(result.reply.trailing_metadata.count("evalrun-deletion"), 0u);
}

TEST(CallersRetryTest, Recognized404IsPresumedDeleted) {
  const CallResult result =
      Call({Respond(kAbsent)}, {.metadata = {{"grpc-previous-rpc-attempts", "1"}}});
  EXPECT_THAT(result.reply, HasCode(StatusCode::OK));
  EXPECT_EQ(result.reply.Trailing("evalrun-deletion"), "presumed");
}

TEST(CallersRetryTest, Recognized404AfterARetryOfEnvoyIsPresumedDeleted) {
  for (const auto& [count, deletion] :
       {std::pair("1", "absent"), std::pair("2", "presumed"), std::pair("x", "absent")}) {
    const CallResult result =
        Call({Respond(kAbsent)},
             {.allow_missing = true, .metadata = {{"x-envoy-attempt-count", count}}});
    EXPECT_EQ(result.reply.Trailing("evalrun-deletion"), deletion) << count;
  }
}

TEST(CallersRetryTest, ErrorsForbidEnvoyToRetryUnlessTheyNameATimeAndNothingWasDone) {
  for (const auto& [reply, is_forbidden] :
       {std::pair(kFailed, true), std::pair(kAbsent, true), std::pair(kBusy, true),
        std::pair(ApiErrorReply(503, "server.busy", "Retry-After: 1\r\n"), false),
        std::pair(ApiErrorReply(500, "server.internal_error", "Retry-After: 1\r\n"), true)}) {
    SCOPED_TRACE(reply);
    const CallResult result = Call({Respond(reply)}, {}, {"--max-attempts", "1"});
    EXPECT_EQ(result.reply.trailing_metadata.count("x-envoy-ratelimited"), is_forbidden ? 1u : 0u);
  }
}

TEST(CallersRetryTest, Unrecognized404IsUnavailable) {
  const CallResult result =
      Call({Respond(kUnrecognized404Reply)}, {.metadata = {{"grpc-previous-rpc-attempts", "2"}}});
  EXPECT_THAT(result.reply, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(result.reply, HasDeletion("unknown"));
}

TEST(CallersRetryTest, IgnoresInvalidPreviousAttempts) {
  for (const char* value : {"0", "-1", "x", "1x", "", "00"}) {
    SCOPED_TRACE(value);
    const CallResult result =
        Call({Respond(kAbsent)}, {.metadata = {{"grpc-previous-rpc-attempts", value}}});
    EXPECT_THAT(result.reply, HasCode(StatusCode::NOT_FOUND));
    EXPECT_THAT(result.reply, HasDeletion("absent"));
  }
}

TEST(RetryTest, RetriesWhenTheApiIsBusy) {
  const CallResult result = Call({Respond(kBusy), Respond(kBusy), Respond(kDone)});
  EXPECT_THAT(result.reply, HasCode(StatusCode::OK));
  EXPECT_THAT(result.reply, HasDeletion("performed"));
  EXPECT_EQ(result.requests, 3u);
}

TEST(RetryTest, NotFoundAfterARejectionIsNotFound) {
  const CallResult result = Call({Respond(kBusy), Respond(kAbsent)});
  EXPECT_THAT(result.reply, HasCode(StatusCode::NOT_FOUND));
  EXPECT_THAT(result.reply, HasDeletion("absent"));
  EXPECT_THAT(result.reply, HasAttempts(2));
}

TEST(RetryTest, NotFoundAfterAFailureIsPresumedDeleted) {
  const CallResult result = Call({Respond(kFailed), Respond(kAbsent)});
  EXPECT_THAT(result.reply, HasCode(StatusCode::OK));
  EXPECT_EQ(result.reply.Trailing("evalrun-deletion"), "presumed");
}

TEST(RetryTest, Unrecognized404AfterAFailureIsNoEvidence) {
  const CallResult result =
      Call({Respond(kFailed), Respond(kUnrecognized404Reply)}, {.allow_missing = true});
  EXPECT_THAT(result.reply, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(result.reply, HasDeletion("unknown"));
}

TEST(RetryTest, ReportsLastHttpStatusWhenTheLastAttemptHadNone) {
  const CallResult result =
      Call({Respond(kBusy), CloseWithoutResponse()}, {}, {"--max-attempts", "2"});
  EXPECT_THAT(result.reply, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(result.reply, HasDeletion("unknown"));
  EXPECT_THAT(result.reply, HasDomain("evalrun-gateway"));
  EXPECT_THAT(result.reply, HasInfo("http_status", "503"));
}

TEST(RetryTest, MaxAttemptsCountsAllAttempts) {
  const CallResult result = Call({Respond(kBusy)}, {}, {"--max-attempts", "5"});
  EXPECT_THAT(result.reply, HasAttempts(5));
  EXPECT_EQ(result.requests, 5u);
}

TEST(RetryTest, RetryOfHttp500CanBeDisabled) {
  const CallResult result = Call({Respond(kFailed)}, {}, {"--retry-500=false"});
  EXPECT_EQ(result.requests, 1u);
  EXPECT_THAT(result.reply, HasDeletion("unknown"));
}

TEST(RetryTest, RetryOfConflictsCanBeEnabled) {
  const CallResult result = Call({Respond(ApiErrorReply(409, "resource.conflict")), Respond(kDone)},
                                 {}, {"--retry-conflict=true"});
  EXPECT_THAT(result.reply, HasCode(StatusCode::OK));
  EXPECT_EQ(result.requests, 2u);
}

TEST(ShouldRetryTest, FalseStopsRetries) {
  const CallResult result =
      Call({Respond(ApiErrorReply(503, "server.busy", "x-should-retry: false\r\n"))});
  EXPECT_EQ(result.requests, 1u);
  EXPECT_THAT(result.reply, HasCode(StatusCode::UNAVAILABLE));
}

TEST(ShouldRetryTest, TrueCausesARetry) {
  const CallResult result =
      Call({Respond(ApiErrorReply(409, "resource.conflict", "x-should-retry: true\r\n")),
            Respond(kDone)});
  EXPECT_EQ(result.requests, 2u);
  EXPECT_THAT(result.reply, HasCode(StatusCode::OK));
}

TEST(RetryAfterTest, Retries429WithRetryAfter) {
  const CallResult result =
      Call({Respond(ApiErrorReply(429, "quota.limit_exceeded", "retry-after-ms: 150\r\n")),
            Respond(kDone)});
  EXPECT_THAT(result.reply, HasCode(StatusCode::OK));
  EXPECT_EQ(result.requests, 2u);
  EXPECT_GE(result.reply.elapsed, 150ms);
}

TEST(RetryAfterTest, RespondsAtOnceWhenTheWaitExceedsTheDeadline) {
  const CallResult result =
      Call({Respond(ApiErrorReply(503, "server.busy", "retry-after: 30\r\n"))}, {.timeout = 5s});
  EXPECT_EQ(result.requests, 1u);
  EXPECT_THAT(result.reply, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(result.reply, HasDeletion("not_performed"));
  EXPECT_EQ(RetryDelayMs(result.reply), 30'000);
  EXPECT_LT(result.reply.elapsed, 3s);
}

}  // namespace
}  // namespace evalrun::testing
