// SPDX-License-Identifier: Apache-2.0
//
// Whose words an error has: the API's where the API has spoken, otherwise ours.
#include "service/handler/delete_errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::handler {
namespace {

using deletion::BodyKind;
using deletion::Certainty;
using deletion::Deletion;
using ::testing::HasSubstr;
using ::testing::Not;

UpstreamResponse ApiError(int http_status) {
  UpstreamResponse upstream;
  upstream.is_final = true;
  upstream.http_status = http_status;
  upstream.body.kind = BodyKind::kApiError;
  upstream.body.code = "resource.conflict";
  upstream.body.message = "still processing";
  upstream.body.request_id = "req-1";
  upstream.body.details = R"({"until":"tomorrow"})";
  return upstream;
}

CallError MakeCallError(absl::StatusCode code, Certainty certainty, std::string_view reason,
                        const UpstreamResponse& upstream) {
  return MakeCallError(
      {.code = code, .certainty = certainty, .reason = reason, .attempts = 1, .retry_after = {}},
      upstream, "abc-1", {.eval_run_uuid = "an-id", .workspace_uuid = ""});
}

TEST(MakeCallErrorTest, PassesOnTheApisOwnError) {
  const CallError call_error = MakeCallError(absl::StatusCode::kAborted, Certainty::kNotPerformed,
                                             "UPSTREAM_CONFLICT", ApiError(409));
  EXPECT_EQ(call_error.code, absl::StatusCode::kAborted);
  EXPECT_EQ(call_error.reason, "RESOURCE_CONFLICT");
  EXPECT_EQ(call_error.domain, "api.aymara.ai");
  EXPECT_EQ(call_error.message, "still processing");
  EXPECT_EQ(call_error.upstream_code, "resource.conflict");
  EXPECT_EQ(call_error.upstream_request_id, "req-1");
  EXPECT_EQ(call_error.http_status, 409);
  EXPECT_EQ(call_error.request_id, "abc-1");
  EXPECT_EQ(call_error.eval_run_uuid, "an-id");
  EXPECT_EQ(call_error.upstream_details, R"({"until":"tomorrow"})");
}

TEST(MakeCallErrorTest, KeepsOwnReasonWhenApiCodeIsNotAReason) {
  UpstreamResponse upstream = ApiError(409);
  upstream.body.code = "\xC3\xBC";
  const CallError call_error = MakeCallError(absl::StatusCode::kAborted, Certainty::kNotPerformed,
                                             "UPSTREAM_CONFLICT", upstream);
  EXPECT_EQ(call_error.reason, "UPSTREAM_CONFLICT");
  EXPECT_EQ(call_error.domain, "api.aymara.ai");
}

TEST(MakeCallErrorTest, IgnoresErrorsOfIntermediaries) {
  UpstreamResponse upstream;
  upstream.is_final = true;
  upstream.http_status = 404;
  upstream.body.kind = BodyKind::kOther;
  const CallError call_error =
      MakeCallError(absl::StatusCode::kUnavailable, Certainty::kNotPerformed,
                    "UPSTREAM_UNRECOGNIZED_404", upstream);
  EXPECT_EQ(call_error.reason, "UPSTREAM_UNRECOGNIZED_404");
  EXPECT_EQ(call_error.domain, "evalrun-gateway");
  EXPECT_EQ(call_error.message, "the upstream answered HTTP 404");
}

TEST(MakeCallErrorTest, KeepsOwnReasonForA2xxWithAnErrorBody) {
  const CallError call_error = MakeCallError(absl::StatusCode::kUnknown, Certainty::kUnknown,
                                             "UPSTREAM_UNEXPECTED_RESPONSE", ApiError(200));
  EXPECT_EQ(call_error.reason, "UPSTREAM_UNEXPECTED_RESPONSE");
  EXPECT_EQ(call_error.domain, "evalrun-gateway");
}

// The API's words are about a run, which may exist.
TEST(MakeCallErrorTest, OwnWordsForAnErrorAboutTheScope) {
  UpstreamResponse upstream = ApiError(404);
  upstream.body.code = "resource.not_found";
  upstream.body.message = "no such run";
  upstream.body.field_errors = {{"a", "b"}};
  for (const std::string_view reason :
       {deletion::kScopeNotFoundReason, deletion::kAbsenceUnverifiedReason}) {
    const CallError call_error = MakeCallError({.code = absl::StatusCode::kUnavailable,
                                                .certainty = Certainty::kNotPerformed,
                                                .reason = reason,
                                                .is_scope_error = true,
                                                .retry_after = {}},
                                               upstream, "abc-1", {"an-id", "a-workspace"});
    EXPECT_EQ(call_error.reason, reason);
    EXPECT_EQ(call_error.domain, "evalrun-gateway");
    EXPECT_THAT(call_error.message, HasSubstr("workspace"));
    EXPECT_THAT(call_error.message, ::testing::Ne("no such run"));
    EXPECT_THAT(call_error.field_errors, ::testing::IsEmpty());
    EXPECT_THAT(call_error.upstream_details, ::testing::IsEmpty());
    EXPECT_EQ(call_error.http_status, 404);
    EXPECT_EQ(call_error.upstream_code, "resource.not_found");
    EXPECT_EQ(call_error.upstream_request_id, "req-1");
    EXPECT_EQ(call_error.missing_workspace.has_value(), reason == deletion::kScopeNotFoundReason);
    EXPECT_EQ(call_error.missing_workspace.value_or("a-workspace"), "a-workspace");
  }
}

TEST(MakeCallErrorTest, IgnoresEarlierResponseWhenLastAttemptHadNone) {
  UpstreamResponse upstream = ApiError(503);
  upstream.is_final = false;
  const CallError call_error = MakeCallError(absl::StatusCode::kUnavailable, Certainty::kUnknown,
                                             "UPSTREAM_CONNECTION_LOST", upstream);
  EXPECT_EQ(call_error.reason, "UPSTREAM_CONNECTION_LOST");
  EXPECT_EQ(call_error.domain, "evalrun-gateway");
  EXPECT_EQ(call_error.http_status, 503);
  EXPECT_THAT(call_error.message, HasSubstr("the connection to the upstream was lost"));
  EXPECT_THAT(call_error.message, Not(HasSubstr("still processing")));
}

TEST(MakeCallErrorTest, MessageStatesUnknownOutcome) {
  const CallError call_error = MakeCallError(absl::StatusCode::kDeadlineExceeded,
                                             Certainty::kUnknown, "UPSTREAM_TIMEOUT", {});
  EXPECT_EQ(call_error.message,
            "the run may or may not be deleted: the upstream did not respond in time");
}

TEST(MakeAdmissionErrorTest, StatesReasonAndRetryAfter) {
  for (const auto& [refusal, reason] :
       {std::pair(deletion::RejectReason::kInFlightCap, "IN_FLIGHT_CAP"),
        std::pair(deletion::RejectReason::kHoldBack, "UPSTREAM_HOLD_BACK")}) {
    const CallError call_error =
        MakeAdmissionError({refusal, std::chrono::seconds(2)}, false, "abc-1");
    EXPECT_EQ(call_error.code, absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(call_error.reason, reason);
    EXPECT_EQ(call_error.domain, "evalrun-gateway");
    EXPECT_EQ(call_error.certainty, Certainty::kNotPerformed);
    EXPECT_EQ(call_error.attempts, 0);
    EXPECT_EQ(call_error.retry_after, std::chrono::seconds(2));
    EXPECT_TRUE(call_error.retry_after_is_explicit);
    EXPECT_EQ(call_error.request_id, "abc-1");
  }
}

TEST(MakeAdmissionErrorTest, IsUnknownAfterTheCallersEarlierAttempts) {
  const CallError call_error = MakeAdmissionError(
      {deletion::RejectReason::kInFlightCap, std::chrono::seconds(2)}, true, "abc-1");
  EXPECT_EQ(call_error.certainty, Certainty::kUnknown);
  EXPECT_EQ(call_error.message,
            "the run may or may not be deleted: too many calls are under way to the upstream");
}

TEST(MakeRateLimitErrorTest, StatesRuleSubjectAndRetryAfter) {
  const ratelimit::LimitRule rule = {.name = "per-caller",
                                     .by = ratelimit::LimitedBy::kCaller,
                                     .quota = {.interval = 100'000'000, .burst = 5}};
  const RateLimitRejection rejection = {.rule = rule,
                                        .quota = rule.quota,
                                        .subject = "spiffe://prod/batch",
                                        .wait = std::chrono::milliseconds(70)};
  CallError call_error = MakeRateLimitError(rejection, false, "abc-1");
  EXPECT_EQ(call_error.code, absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(call_error.reason, "RATE_LIMITED");
  EXPECT_EQ(call_error.domain, "evalrun-gateway");
  EXPECT_EQ(call_error.certainty, Certainty::kNotPerformed);
  EXPECT_EQ(call_error.attempts, 0);
  EXPECT_EQ(call_error.retry_after, std::chrono::milliseconds(70));
  EXPECT_TRUE(call_error.retry_after_is_explicit);
  EXPECT_EQ(call_error.request_id, "abc-1");
  EXPECT_EQ(call_error.limited_by, "per-caller");
  EXPECT_EQ(call_error.limited_subject, "caller:spiffe://prod/batch");
  EXPECT_EQ(call_error.limit,
            "the limit per-caller allows a call every 100ms, and up to 5 at once");

  call_error = MakeRateLimitError(rejection, true, "abc-1");
  EXPECT_EQ(call_error.certainty, Certainty::kUnknown) << "an earlier attempt may have done it";
  EXPECT_THAT(call_error.message, HasSubstr("may or may not be deleted"));
}

TEST(MakeRateLimitErrorTest, OmitsSubjectForAGatewayWideRule) {
  const ratelimit::LimitRule rule = {.name = "all", .quota = {.interval = 1'000'000, .burst = 5}};
  EXPECT_EQ(
      MakeRateLimitError({.rule = rule, .quota = rule.quota, .subject = "", .wait = {}}, false, "")
          .limited_subject,
      "gateway");
}

TEST(MakePermissionDeniedErrorTest, RevealsNothingAboutTheRun) {
  const CallError call_error = MakePermissionDeniedError("spiffe://prod/a", false, "abc-1");
  EXPECT_EQ(call_error.code, absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(call_error.reason, "CALLER_NOT_ALLOWED");
  EXPECT_EQ(call_error.domain, "evalrun-gateway");
  EXPECT_EQ(call_error.certainty, Certainty::kNotPerformed);
  EXPECT_EQ(call_error.attempts, 0);
  EXPECT_EQ(call_error.retry_after, std::nullopt);
  EXPECT_EQ(call_error.eval_run_uuid, "");
  EXPECT_EQ(call_error.caller, "spiffe://prod/a");
  EXPECT_EQ(call_error.message, "this caller (spiffe://prod/a) may not delete in this workspace");
}

// A name in a certificate may be any bytes.
TEST(MakePermissionDeniedErrorTest, CallerIsValidUtf8) {
  EXPECT_EQ(MakePermissionDeniedError("dns:\xff", false, "abc-1").caller, "dns:\xef\xbf\xbd");
}

TEST(MakePermissionDeniedErrorTest, IsUnknownAfterTheCallersEarlierAttempts) {
  EXPECT_EQ(MakePermissionDeniedError("ip:10.0.0.7", true, "abc-1").certainty, Certainty::kUnknown);
}

TEST(MakeInvalidFieldErrorTest, StatesTheField) {
  const CallError call_error = MakeInvalidFieldError("workspace_uuid", "a UUID", "abc-1");
  EXPECT_EQ(call_error.code, absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(call_error.certainty, Certainty::kNotPerformed);
  EXPECT_EQ(call_error.message, "workspace_uuid must be a UUID");
  EXPECT_EQ(call_error.reason, "INVALID_FIELD");
  EXPECT_EQ(call_error.field_errors,
            (std::vector<deletion::FieldError>{{"workspace_uuid", "must be a UUID"}}));
}

TEST(MakeInvalidFieldErrorTest, StatesTheMessageWhenNoFieldIsGiven) {
  const CallError call_error = MakeInvalidFieldError("", "a request", "abc-1");
  EXPECT_EQ(call_error.message, "the message must be a request");
  EXPECT_EQ(call_error.reason, "MALFORMED_MESSAGE");
}

}  // namespace
}  // namespace evalrun::handler
