// Sending again: when the upstream says so, when it says not to, and how a caller's own retries
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

struct Outcome {
  DeleteReply reply;
  size_t requests = 0;
};

Outcome Call(std::vector<Script> scripts, const DeleteCall& call = {},
             std::vector<std::string> flags = {}) {
  ScriptedUpstream upstream(InOrder(std::move(scripts)));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = std::move(flags)});
  Outcome outcome;
  outcome.reply = DeleteClient(gateway.grpc_address()).Delete(call);
  outcome.requests = upstream.requests().size();
  return outcome;
}

const std::string kAbsent = ApiErrorReply(404, "resource.not_found");
const std::string kStrange404 = HttpReply(404, "<html>no endpoints</html>", "text/html");
const std::string kBusy = ApiErrorReply(503, "server.busy");
const std::string kDone = HttpReply(204);
const std::string kFailed = ApiErrorReply(500, "server.internal_error");

TEST(AllowMissingTest, ARunThatIsNotThereIsOk) {
  const Outcome outcome = Call({Answer(kAbsent)}, {.allow_missing = true});
  EXPECT_THAT(outcome.reply, HasCode(StatusCode::OK));
  EXPECT_EQ(outcome.reply.Trailing("evalrun-deletion"), "absent");
}

TEST(AllowMissingTest, AnUnrecognised404IsNot) {
  const Outcome outcome = Call({Answer(kStrange404)}, {.allow_missing = true});
  EXPECT_THAT(outcome.reply, HasCode(StatusCode::NOT_FOUND));
  EXPECT_THAT(outcome.reply, HasReason("UPSTREAM_UNRECOGNIZED_404"));
  EXPECT_THAT(outcome.reply, HasDeletion("not_performed"));
}

TEST(AllowMissingTest, ARunThatWasDeletedIsSimplyOk) {
  const Outcome outcome = Call({Answer(kDone)}, {.allow_missing = true});
  EXPECT_THAT(outcome.reply, HasCode(StatusCode::OK));
  EXPECT_EQ(outcome.reply.trailing_metadata.count("evalrun-deletion"), 0u);
}

TEST(CallersRetryTest, ARecognised404IsPresumedDeleted) {
  const Outcome outcome =
      Call({Answer(kAbsent)}, {.metadata = {{"grpc-previous-rpc-attempts", "1"}}});
  EXPECT_THAT(outcome.reply, HasCode(StatusCode::OK));
  EXPECT_EQ(outcome.reply.Trailing("evalrun-deletion"), "presumed");
}

TEST(CallersRetryTest, AnUnrecognised404IsUnavailable) {
  const Outcome outcome =
      Call({Answer(kStrange404)}, {.metadata = {{"grpc-previous-rpc-attempts", "2"}}});
  EXPECT_THAT(outcome.reply, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(outcome.reply, HasDeletion("unknown"));
}

TEST(CallersRetryTest, WhatIsNoCountIsNoRetry) {
  for (const char* value : {"0", "-1", "x", "1x", "", "00"}) {
    SCOPED_TRACE(value);
    const Outcome outcome =
        Call({Answer(kAbsent)}, {.metadata = {{"grpc-previous-rpc-attempts", value}}});
    EXPECT_THAT(outcome.reply, HasCode(StatusCode::NOT_FOUND));
    EXPECT_THAT(outcome.reply, HasDeletion("absent"));
  }
}

TEST(RetryTest, ABusyApiIsAskedAgain) {
  const Outcome outcome = Call({Answer(kBusy), Answer(kBusy), Answer(kDone)});
  EXPECT_THAT(outcome.reply, HasCode(StatusCode::OK));
  EXPECT_THAT(outcome.reply, HasDeletion("performed"));
  EXPECT_EQ(outcome.requests, 3u);
}

TEST(RetryTest, AbsentAfterTheApiHadRefusedIsNotFound) {
  const Outcome outcome = Call({Answer(kBusy), Answer(kAbsent)});
  EXPECT_THAT(outcome.reply, HasCode(StatusCode::NOT_FOUND));
  EXPECT_THAT(outcome.reply, HasDeletion("absent"));
  EXPECT_THAT(outcome.reply, HasSends(2));
}

TEST(RetryTest, AbsentAfterAFailureIsPresumedDeleted) {
  const Outcome outcome = Call({Answer(kFailed), Answer(kAbsent)});
  EXPECT_THAT(outcome.reply, HasCode(StatusCode::OK));
  EXPECT_EQ(outcome.reply.Trailing("evalrun-deletion"), "presumed");
}

TEST(RetryTest, AfterAnIngressThatLostItsEndpointsThereIsNoEvidence) {
  const Outcome outcome = Call({Answer(kFailed), Answer(kStrange404)}, {.allow_missing = true});
  EXPECT_THAT(outcome.reply, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(outcome.reply, HasDeletion("unknown"));
}

TEST(RetryTest, TheStatusOfTheLastHttpAnswerIsToldEvenIfALaterSendHadNone) {
  const Outcome outcome = Call({Answer(kBusy), CloseWithoutAnswer()}, {}, {"--max-attempts", "2"});
  EXPECT_THAT(outcome.reply, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(outcome.reply, HasDeletion("unknown"));
  EXPECT_THAT(outcome.reply, HasDomain("evalrun-gateway"));
  EXPECT_THAT(outcome.reply, HasInfo("http_status", "503"));
}

TEST(RetryTest, MaxAttemptsIsTheNumberOfSends) {
  const Outcome outcome = Call({Answer(kBusy)}, {}, {"--max-attempts", "5"});
  EXPECT_THAT(outcome.reply, HasSends(5));
  EXPECT_EQ(outcome.requests, 5u);
}

TEST(RetryTest, Http500CanBeSwitchedOff) {
  const Outcome outcome = Call({Answer(kFailed)}, {}, {"--retry-500=false"});
  EXPECT_EQ(outcome.requests, 1u);
  EXPECT_THAT(outcome.reply, HasDeletion("unknown"));
}

TEST(RetryTest, ConflictsCanBeSwitchedOn) {
  const Outcome outcome = Call({Answer(ApiErrorReply(409, "resource.conflict")), Answer(kDone)}, {},
                               {"--retry-conflict=true"});
  EXPECT_THAT(outcome.reply, HasCode(StatusCode::OK));
  EXPECT_EQ(outcome.requests, 2u);
}

TEST(ShouldRetryTest, FalseIsObeyed) {
  const Outcome outcome =
      Call({Answer(ApiErrorReply(503, "server.busy", "x-should-retry: false\r\n"))});
  EXPECT_EQ(outcome.requests, 1u);
  EXPECT_THAT(outcome.reply, HasCode(StatusCode::UNAVAILABLE));
}

TEST(ShouldRetryTest, TrueIsObeyed) {
  const Outcome outcome = Call(
      {Answer(ApiErrorReply(409, "resource.conflict", "x-should-retry: true\r\n")), Answer(kDone)});
  EXPECT_EQ(outcome.requests, 2u);
  EXPECT_THAT(outcome.reply, HasCode(StatusCode::OK));
}

TEST(RetryAfterTest, A429IsAskedAgainWhenItSaysWhen) {
  const Outcome outcome =
      Call({Answer(ApiErrorReply(429, "quota.limit_exceeded", "retry-after-ms: 150\r\n")),
            Answer(kDone)});
  EXPECT_THAT(outcome.reply, HasCode(StatusCode::OK));
  EXPECT_EQ(outcome.requests, 2u);
  EXPECT_GE(outcome.reply.elapsed, 150ms);
}

TEST(RetryAfterTest, AWaitThatDoesNotFitIsToldAtOnce) {
  const Outcome outcome =
      Call({Answer(ApiErrorReply(503, "server.busy", "retry-after: 30\r\n"))}, {.timeout = 5s});
  EXPECT_EQ(outcome.requests, 1u);
  EXPECT_THAT(outcome.reply, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(outcome.reply, HasDeletion("not_performed"));
  EXPECT_EQ(RetryDelayMs(outcome.reply), 30'000);
  EXPECT_LT(outcome.reply.elapsed, 3s);
}

}  // namespace
}  // namespace evalrun::testing
