// Whose words an error has: the API's where the API has spoken, otherwise ours.
#include "service/handler/delete_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::handler {
namespace {

using deletion::BodyKind;
using deletion::Certainty;
using deletion::Deletion;
using ::testing::HasSubstr;
using ::testing::Not;

UpstreamAnswer ApiError(int http_status) {
  UpstreamAnswer upstream;
  upstream.decided = true;
  upstream.http_status = http_status;
  upstream.body.kind = BodyKind::kApiError;
  upstream.body.code = "resource.conflict";
  upstream.body.message = "still processing";
  upstream.body.request_id = "req-1";
  return upstream;
}

ErrorReport ReportOf(absl::StatusCode code, Certainty certainty, std::string_view reason,
                     const UpstreamAnswer& upstream) {
  return ReportOf(
      {.code = code, .certainty = certainty, .reason = reason, .sends = 1, .retry_after = {}},
      upstream, "abc-1", "an-id");
}

TEST(ReportOfTest, TheApisOwnErrorIsPassedOn) {
  const ErrorReport report = ReportOf(absl::StatusCode::kAborted, Certainty::kNotPerformed,
                                      "UPSTREAM_CONFLICT", ApiError(409));
  EXPECT_EQ(report.code, grpc::StatusCode::ABORTED);
  EXPECT_EQ(report.reason, "RESOURCE_CONFLICT");
  EXPECT_EQ(report.domain, "api.aymara.ai");
  EXPECT_EQ(report.message, "still processing");
  EXPECT_EQ(report.upstream_code, "resource.conflict");
  EXPECT_EQ(report.upstream_request_id, "req-1");
  EXPECT_EQ(report.http_status, 409);
  EXPECT_EQ(report.request_id, "abc-1");
  EXPECT_EQ(report.eval_run_uuid, "an-id");
}

TEST(ReportOfTest, ACodeThatMakesNoReasonKeepsOurs) {
  UpstreamAnswer upstream = ApiError(409);
  upstream.body.code = "\xC3\xBC";
  const ErrorReport report =
      ReportOf(absl::StatusCode::kAborted, Certainty::kNotPerformed, "UPSTREAM_CONFLICT", upstream);
  EXPECT_EQ(report.reason, "UPSTREAM_CONFLICT");
  EXPECT_EQ(report.domain, "api.aymara.ai");
}

TEST(ReportOfTest, SomethingBetweenUsAndTheApiHasNoSay) {
  UpstreamAnswer upstream;
  upstream.decided = true;
  upstream.http_status = 404;
  upstream.body.kind = BodyKind::kOther;
  const ErrorReport report = ReportOf(absl::StatusCode::kNotFound, Certainty::kNotPerformed,
                                      "UPSTREAM_UNRECOGNIZED_404", upstream);
  EXPECT_EQ(report.reason, "UPSTREAM_UNRECOGNIZED_404");
  EXPECT_EQ(report.domain, "evalrun-gateway");
  EXPECT_EQ(report.message, "the upstream answered HTTP 404");
}

TEST(ReportOfTest, ASuccessWithAnErrorInItIsNotTheApisRefusal) {
  const ErrorReport report = ReportOf(absl::StatusCode::kUnknown, Certainty::kUnknown,
                                      "UPSTREAM_UNEXPECTED_RESPONSE", ApiError(200));
  EXPECT_EQ(report.reason, "UPSTREAM_UNEXPECTED_RESPONSE");
  EXPECT_EQ(report.domain, "evalrun-gateway");
}

TEST(ReportOfTest, AnEarlierAnswerDoesNotSpeakForALaterSendWithoutOne) {
  UpstreamAnswer upstream = ApiError(503);
  upstream.decided = false;
  const ErrorReport report = ReportOf(absl::StatusCode::kUnavailable, Certainty::kUnknown,
                                      "UPSTREAM_CONNECTION_LOST", upstream);
  EXPECT_EQ(report.reason, "UPSTREAM_CONNECTION_LOST");
  EXPECT_EQ(report.domain, "evalrun-gateway");
  EXPECT_EQ(report.http_status, 503);
  EXPECT_THAT(report.message, HasSubstr("the connection to the upstream was lost"));
  EXPECT_THAT(report.message, Not(HasSubstr("still processing")));
}

TEST(ReportOfTest, AnUnknownOutcomeIsSaidInTheMessage) {
  const ErrorReport report =
      ReportOf(absl::StatusCode::kDeadlineExceeded, Certainty::kUnknown, "UPSTREAM_TIMEOUT", {});
  EXPECT_EQ(report.message,
            "the run may or may not be deleted: the upstream did not answer in time");
}

TEST(ReportOfRefusalTest, NamesTheRuleAndTheWait) {
  for (const auto& [refusal, reason] :
       {std::pair(deletion::Refusal::kInFlightCap, "IN_FLIGHT_CAP"),
        std::pair(deletion::Refusal::kHoldBack, "UPSTREAM_HOLD_BACK")}) {
    const ErrorReport report = ReportOfRefusal({refusal, std::chrono::seconds(2)}, false, "abc-1");
    EXPECT_EQ(report.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_EQ(report.reason, reason);
    EXPECT_EQ(report.domain, "evalrun-gateway");
    EXPECT_EQ(report.certainty, Certainty::kNotPerformed);
    EXPECT_EQ(report.sends, 0);
    EXPECT_EQ(report.retry_after, std::chrono::seconds(2));
    EXPECT_TRUE(report.wait_is_asked);
    EXPECT_EQ(report.request_id, "abc-1");
  }
}

TEST(ReportOfRefusalTest, CannotSpeakForTheCallersEarlierAttempts) {
  const ErrorReport report =
      ReportOfRefusal({deletion::Refusal::kInFlightCap, std::chrono::seconds(2)}, true, "abc-1");
  EXPECT_EQ(report.certainty, Certainty::kUnknown);
  EXPECT_EQ(report.message,
            "the run may or may not be deleted: too many calls are under way to the upstream");
}

TEST(ReportOfLimitTest, NamesTheRuleWhomItLimitsAndTheWait) {
  const ratelimit::LimitRule rule = {.name = "per-caller",
                                     .by = ratelimit::LimitedBy::kCaller,
                                     .quota = {.interval = 100'000'000, .burst = 5}};
  const Limited limited = {.rule = rule,
                           .quota = rule.quota,
                           .subject = "spiffe://prod/batch",
                           .wait = std::chrono::milliseconds(70)};
  ErrorReport report = ReportOfLimit(limited, false, "abc-1");
  EXPECT_EQ(report.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(report.reason, "RATE_LIMITED");
  EXPECT_EQ(report.domain, "evalrun-gateway");
  EXPECT_EQ(report.certainty, Certainty::kNotPerformed);
  EXPECT_EQ(report.sends, 0);
  EXPECT_EQ(report.retry_after, std::chrono::milliseconds(70));
  EXPECT_TRUE(report.wait_is_asked);
  EXPECT_EQ(report.request_id, "abc-1");
  EXPECT_EQ(report.limited_by, "per-caller");
  EXPECT_EQ(report.limited_subject, "caller:spiffe://prod/batch");
  EXPECT_EQ(report.limit, "the limit per-caller lets in a call every 100ms, and up to 5 at once");

  report = ReportOfLimit(limited, true, "abc-1");
  EXPECT_EQ(report.certainty, Certainty::kUnknown) << "an earlier attempt may have done it";
  EXPECT_THAT(report.message, HasSubstr("may or may not be deleted"));
}

TEST(ReportOfLimitTest, OfAllTogetherThereIsNobodyToName) {
  const ratelimit::LimitRule rule = {.name = "all", .quota = {.interval = 1'000'000, .burst = 5}};
  EXPECT_EQ(ReportOfLimit({.rule = rule, .quota = rule.quota, .subject = "", .wait = {}}, false, "")
                .limited_subject,
            "gateway");
}

TEST(ReportOfDenialTest, SaysNothingAboutTheRun) {
  const ErrorReport report = ReportOfDenial(false, "abc-1");
  EXPECT_EQ(report.code, grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(report.reason, "CALLER_NOT_ALLOWED");
  EXPECT_EQ(report.domain, "evalrun-gateway");
  EXPECT_EQ(report.certainty, Certainty::kNotPerformed);
  EXPECT_EQ(report.sends, 0);
  EXPECT_EQ(report.retry_after, std::nullopt);
  EXPECT_EQ(report.eval_run_uuid, "");
}

TEST(ReportOfDenialTest, CannotSpeakForTheCallersEarlierAttempts) {
  EXPECT_EQ(ReportOfDenial(true, "abc-1").certainty, Certainty::kUnknown);
}

TEST(ReportOfInvalidFieldTest, NamesTheField) {
  const ErrorReport report = ReportOfInvalidField("workspace_uuid", "a UUID", "abc-1");
  EXPECT_EQ(report.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(report.certainty, Certainty::kNotPerformed);
  EXPECT_EQ(report.message, "workspace_uuid must be a UUID");
  EXPECT_EQ(report.reason, "INVALID_FIELD");
  EXPECT_EQ(report.field_errors,
            (std::vector<deletion::FieldError>{{"workspace_uuid", "must be a UUID"}}));
}

TEST(ReportOfInvalidFieldTest, OrTheMessageAsAWhole) {
  const ErrorReport report = ReportOfInvalidField("", "a request", "abc-1");
  EXPECT_EQ(report.message, "the message must be a request");
  EXPECT_EQ(report.reason, "MALFORMED_MESSAGE");
}

}  // namespace
}  // namespace evalrun::handler
