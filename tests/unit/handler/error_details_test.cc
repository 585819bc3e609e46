// SPDX-License-Identifier: Apache-2.0
//
// Errors as callers see them: which details, and never too large for a client.
#include "service/handler/error_details.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

namespace evalrun::handler {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

google::rpc::Status Details(const EncodedError& error) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(error.details));
  return details;
}

// The detail of type `Detail`, of which there is exactly one.
template <typename Detail>
Detail Find(const EncodedError& error) {
  Detail found;
  int count = 0;
  const google::rpc::Status details = Details(error);
  for (const auto& any : details.details()) count += any.UnpackTo(&found) ? 1 : 0;
  EXPECT_EQ(count, 1) << Detail::descriptor()->full_name();
  return found;
}

template <typename Detail>
bool Has(const EncodedError& error) {
  const google::rpc::Status details = Details(error);
  for (const auto& any : details.details()) {
    if (any.Is<Detail>()) return true;
  }
  return false;
}

CallError MakeError(absl::StatusCode code) {
  CallError call_error;
  call_error.code = code;
  call_error.message = "a message";
  call_error.reason = "A_REASON";
  call_error.request_id = "abc-1";
  call_error.eval_run_uuid = "954d54bc-bd5f-4cb5-8d20-688f368b712e";
  return call_error;
}

TEST(ToReasonTest, ReturnsUpperSnakeCaseOrEmpty) {
  struct {
    const char* code;
    const char* reason;
  } const cases[] = {
      {"resource.not_found", "RESOURCE_NOT_FOUND"},
      {"auth.invalid_key", "AUTH_INVALID_KEY"},
      {"already-UPPER 9", "ALREADY_UPPER_9"},
      {"", ""},
      {"ab", ""},           // AIP-193: at least three characters
      {"9lives", ""},       // must begin with a letter
      {".leading", ""},     //
      {"trailing.", ""},    // and end with a letter or digit
      {"caf\xC3\xA9", ""},  //
      {"new\nline", ""},    //
      {"</script>", ""},    //
  };
  for (const auto& c : cases) EXPECT_EQ(ToReason(c.code), c.reason) << c.code;
  EXPECT_EQ(ToReason(std::string(63, 'a')), std::string(63, 'A'));
  EXPECT_THAT(ToReason(std::string(64, 'a')), IsEmpty());
}

TEST(EncodeErrorTest, AlwaysAddsErrorInfoAndRequestInfo) {
  CallError call_error = MakeError(absl::StatusCode::kUnavailable);
  call_error.certainty = deletion::Certainty::kUnknown;
  call_error.attempts = 3;
  const EncodedError error = EncodeError(call_error);
  EXPECT_EQ(error.message, "a message");
  EXPECT_EQ(Details(error).code(), 14);
  EXPECT_EQ(Details(error).message(), "a message");
  const auto info = Find<google::rpc::ErrorInfo>(error);
  EXPECT_EQ(info.reason(), "A_REASON");
  EXPECT_EQ(info.domain(), "evalrun-gateway");
  EXPECT_THAT(info.metadata(),
              UnorderedElementsAre(Pair("deletion", "unknown"), Pair("sends", "3")));
  EXPECT_EQ(Find<google::rpc::RequestInfo>(error).request_id(), "abc-1");
  EXPECT_EQ(Details(error).details_size(), 2) << "and nothing else without a reason";
}

TEST(EncodeErrorTest, MetadataContainsUpstreamCodeAndRequestId) {
  CallError call_error = MakeError(absl::StatusCode::kAborted);
  call_error.http_status = 409;
  call_error.upstream_code = "resource.conflict";
  call_error.upstream_request_id = "req-1";
  EXPECT_THAT(
      Find<google::rpc::ErrorInfo>(EncodeError(call_error)).metadata(),
      UnorderedElementsAre(Pair("deletion", "not_performed"), Pair("sends", "0"),
                           Pair("http_status", "409"), Pair("upstream_code", "resource.conflict"),
                           Pair("upstream_request_id", "req-1")));
}

TEST(EncodeErrorTest, MetadataContainsTheStatusOfTheProxy) {
  CallError call_error = MakeError(absl::StatusCode::kInternal);
  call_error.proxy_status = 407;
  EXPECT_THAT(Find<google::rpc::ErrorInfo>(EncodeError(call_error)).metadata(),
              UnorderedElementsAre(Pair("deletion", "not_performed"), Pair("sends", "0"),
                                   Pair("proxy_status", "407")));
}

TEST(EncodeErrorTest, ResourceInfoNamesTheMissingWorkspace) {
  CallError call_error = MakeError(absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(Has<google::rpc::ResourceInfo>(EncodeError(call_error)));
  for (const char* workspace : {"a-workspace", ""}) {
    call_error.missing_workspace = workspace;
    const auto resource = Find<google::rpc::ResourceInfo>(EncodeError(call_error));
    EXPECT_EQ(resource.resource_type(), "aymara.evals.v1.Workspace");
    EXPECT_EQ(resource.resource_name(), workspace);
  }
}

TEST(EncodeErrorTest, AddsRetryInfoOnlyWithRetryAfter) {
  CallError call_error = MakeError(absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(Has<google::rpc::RetryInfo>(EncodeError(call_error)));
  call_error.retry_after = std::chrono::milliseconds(1500);
  const auto delay = Find<google::rpc::RetryInfo>(EncodeError(call_error)).retry_delay();
  EXPECT_EQ(delay.seconds(), 1);
  EXPECT_EQ(delay.nanos(), 500'000'000);
}

TEST(EncodeErrorTest, AddsBadRequestOnlyForInvalidArgument) {
  CallError call_error = MakeError(absl::StatusCode::kInvalidArgument);
  call_error.field_errors = {{"query.workspace_uuid", "is no UUID"}};
  const auto bad_request = Find<google::rpc::BadRequest>(EncodeError(call_error));
  ASSERT_EQ(bad_request.field_violations_size(), 1);
  EXPECT_EQ(bad_request.field_violations(0).field(), "query.workspace_uuid");
  EXPECT_EQ(bad_request.field_violations(0).description(), "is no UUID");
  call_error.code = absl::StatusCode::kInternal;
  EXPECT_FALSE(Has<google::rpc::BadRequest>(EncodeError(call_error)));
}

TEST(EncodeErrorTest, AddsResourceInfoOnlyForNotFound) {
  const auto resource =
      Find<google::rpc::ResourceInfo>(EncodeError(MakeError(absl::StatusCode::kNotFound)));
  EXPECT_EQ(resource.resource_name(), "954d54bc-bd5f-4cb5-8d20-688f368b712e");
  EXPECT_EQ(resource.resource_type(), "aymara.evals.v1.EvalRun");
  EXPECT_FALSE(Has<google::rpc::ResourceInfo>(EncodeError(MakeError(absl::StatusCode::kAborted))));
}

TEST(EncodeErrorTest, TruncatesLongUpstreamTextToFit) {
  // Three bytes each on the wire, once percent-encoded; and a character of four bytes.
  for (const std::string piece : {"m", "%", "\xC3\xBC", "\xF0\x9F\x92\xA5"}) {
    std::string text;
    while (text.size() < 100'000) text += piece;
    CallError call_error = MakeError(absl::StatusCode::kInvalidArgument);
    call_error.message = text;
    call_error.upstream_code = text;
    call_error.upstream_request_id = text;
    call_error.field_errors.assign(8, {text, text});
    call_error.retry_after = std::chrono::hours(1);
    const EncodedError error = EncodeError(call_error);
    EXPECT_LT(EncodedBytes(error), kMaxEncodedBytes) << piece;
    EXPECT_EQ(error.message.size() % piece.size(), 0u) << "cut inside a character";
    EXPECT_GE(error.message.size(), 30u) << "something must be left to read";
    EXPECT_EQ(Find<google::rpc::RequestInfo>(error).request_id(), "abc-1");
  }
}

TEST(EncodeErrorTest, UpstreamDetailsAreAStruct) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP()
      << "with ThreadSanitizer a map has another layout (map_field.h) than in libprotobuf, "
         "which has Struct";
#endif
  CallError call_error = MakeError(absl::StatusCode::kAborted);
  EXPECT_FALSE(Has<google::protobuf::Struct>(EncodeError(call_error)));
  call_error.upstream_details = R"({"until":"a day","in":{"x":[1.5,null,true]}})";
  const auto details = Find<google::protobuf::Struct>(EncodeError(call_error));
  const auto& fields = details.fields();
  EXPECT_EQ(fields.at("until").string_value(), "a day");
  const auto& list = fields.at("in").struct_value().fields().at("x").list_value();
  ASSERT_EQ(list.values_size(), 3);
  EXPECT_EQ(list.values(0).number_value(), 1.5);
  EXPECT_TRUE(list.values(1).has_null_value());
  EXPECT_TRUE(list.values(2).bool_value());
  for (const char* malformed : {"{", "[1]", "1", "text"}) {
    call_error.upstream_details = malformed;
    EXPECT_FALSE(Has<google::protobuf::Struct>(EncodeError(call_error))) << malformed;
  }
}

TEST(EncodeErrorTest, UpstreamDetailsAreLeftOutWhereTheyDoNotFit) {
  CallError call_error = MakeError(absl::StatusCode::kAborted);
  bool fitted = true;
  for (std::size_t size = 1; size < 4096; size += 13) {
    call_error.upstream_details = R"({"a":")" + std::string(size, 'x') + "\"}";
    const EncodedError error = EncodeError(call_error);
    EXPECT_LT(EncodedBytes(error), kMaxEncodedBytes);
    const bool fits = Has<google::protobuf::Struct>(error);
    EXPECT_TRUE(fitted || !fits) << "a larger one than one that did not fit: " << size;
    if (size < 2000) {
      EXPECT_TRUE(fits) << size;
    }
    EXPECT_EQ(error.message, "a message") << "nothing else is cut for it";
    fitted = fits;
  }
  EXPECT_FALSE(fitted);
}

TEST(EncodedBytesTest, CountsPercentEncodingAndBase64) {
  EXPECT_EQ(EncodedBytes({.message = "a b", .details = ""}), 3u);
  EXPECT_EQ(EncodedBytes({.message = "%\n\x7F\xC3\xBC", .details = ""}), 15u);
  EXPECT_EQ(EncodedBytes({.message = "", .details = "1234"}), 8u);
}

TEST(RetryPushbackTest, IsTheRequestedWaitOrNegative) {
  CallError call_error = MakeError(absl::StatusCode::kUnavailable);
  EXPECT_EQ(RetryPushback(call_error, 10s), "-1");
  call_error.retry_after = 1500ms;
  EXPECT_EQ(RetryPushback(call_error, 10s), "-1") << "a guess is no invitation";
  call_error.retry_after_is_explicit = true;
  EXPECT_EQ(RetryPushback(call_error, 10s), "1500");
}

TEST(RetryPushbackTest, IsNegativeAfterOwnRetriesOrPastTheDeadline) {
  CallError call_error = MakeError(absl::StatusCode::kUnavailable);
  call_error.retry_after = 1500ms;
  call_error.retry_after_is_explicit = true;
  call_error.attempts = 1;
  EXPECT_EQ(RetryPushback(call_error, 1501ms), "1500");
  EXPECT_EQ(RetryPushback(call_error, 1500ms), "-1") << "the client would wait until its deadline";

  call_error.attempts = 2;
  EXPECT_EQ(RetryPushback(call_error, 10s), "-1") << "it was sent again here";
  call_error.attempts = 1;
  call_error.retry_stop = deletion::RetryStop::kBudget;
  EXPECT_EQ(RetryPushback(call_error, 10s), "-1") << "there are too many retries already";
}

TEST(ForbidsProxyRetryTest, WhereNobodyMayRetryOrTheRunMayBeDeleted) {
  CallError call_error = MakeError(absl::StatusCode::kUnavailable);
  call_error.certainty = deletion::Certainty::kNotPerformed;
  EXPECT_TRUE(ForbidsProxyRetry(call_error, "-1"));
  EXPECT_FALSE(ForbidsProxyRetry(call_error, "0"));
  EXPECT_FALSE(ForbidsProxyRetry(call_error, "1500"));
  call_error.certainty = deletion::Certainty::kUnknown;
  EXPECT_TRUE(ForbidsProxyRetry(call_error, "1500"))
      << "only a gRPC client waits and says that it retries";
}

TEST(EncodeErrorTest, StatesWhichLimitRejectedTheCall) {
  CallError call_error = MakeError(absl::StatusCode::kResourceExhausted);
  call_error.limited_by = "per-caller";
  call_error.limited_subject = "caller:ip:10.0.0.7";
  call_error.limit = "the limit per-caller allows a call every 1s, and up to 5 at once";
  const EncodedError error = EncodeError(call_error);
  EXPECT_EQ(Find<google::rpc::ErrorInfo>(error).metadata().at("limited_by"), "per-caller");
  const auto quota_failure = Find<google::rpc::QuotaFailure>(error);
  ASSERT_EQ(quota_failure.violations_size(), 1);
  EXPECT_EQ(quota_failure.violations(0).subject(), "caller:ip:10.0.0.7");
  EXPECT_EQ(quota_failure.violations(0).description(), call_error.limit);
}

TEST(EncodeErrorTest, StatesWhatStoppedTheRetries) {
  CallError call_error = MakeError(absl::StatusCode::kUnavailable);
  call_error.retry_stop = deletion::RetryStop::kBudget;
  EXPECT_EQ(Find<google::rpc::ErrorInfo>(EncodeError(call_error)).metadata().at("retry_stopped"),
            "budget");
}

}  // namespace
}  // namespace evalrun::handler
