// SPDX-License-Identifier: Apache-2.0
//
// The behaviour table, first part: what a caller gets for each behaviour of the upstream, when the
// gateway makes one attempt with a timeout of one second.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/gateway/upstream_cases.h"
#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using namespace std::chrono_literals;
using grpc::StatusCode;

const std::vector<std::string> kOneAttempt = {"--upstream-timeout", "1000ms", "--max-attempts",
                                              "1"};

class BehaviourTest : public ::testing::TestWithParam<UpstreamCase> {};

TEST_P(BehaviourTest, OneAttempt) {
  const UpstreamCase& row = GetParam();
  ScriptedUpstream upstream(row.script());
  GatewayProcess gateway({.upstream = upstream.url(), .flags = kOneAttempt});
  const DeleteClient client(gateway.grpc_address());
  if (row.on_reused_connection) {
    ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK));
  }
  const size_t earlier = upstream.requests().size();

  const DeleteReply reply = client.Delete({.metadata = {{"x-request-id", "call-1"}}});

  EXPECT_THAT(reply, HasCode(row.code));
  EXPECT_THAT(reply, HasDeletion(row.deletion));
  EXPECT_LT(reply.elapsed, 3s);
  EXPECT_EQ(upstream.requests().size() - earlier, 1u);
  if (row.code != StatusCode::OK) {
    EXPECT_THAT(reply, IsWellFormedError());
    EXPECT_THAT(reply, HasAttempts(1));
    EXPECT_THAT(reply, HasDomain(row.is_api_error ? "api.aymara.ai" : "evalrun-gateway"));
    if (!row.reason.empty()) {
      EXPECT_THAT(reply, HasReason(row.reason));
    }
    EXPECT_EQ(reply.Info("http_status"),
              row.http_status == 0 ? std::nullopt : std::optional(std::to_string(row.http_status)));
    EXPECT_EQ(reply.Info("upstream_code").has_value(), row.is_api_error);
    EXPECT_EQ(reply.resource_info.has_value(), row.code == StatusCode::NOT_FOUND);
  }

  const auto line = gateway.WaitForAccessLine("call-1");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->value("deletion", ""), row.deletion);
  EXPECT_EQ(line->value("sends", -1), 1);
  if (reply.error_info.has_value()) {
    EXPECT_EQ(line->value("reason", ""), reply.error_info->reason());
    EXPECT_EQ(line->value("http.response.status_code", 0), row.http_status);
  }
}

INSTANTIATE_TEST_SUITE_P(Upstream, BehaviourTest, ::testing::ValuesIn(UpstreamCases()),
                         [](const auto& param) { return param.param.name; });

// The reply to one call when the upstream responds with `response`.
DeleteReply ReplyTo(const std::string& response) {
  ScriptedUpstream upstream(Respond(response));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = kOneAttempt});
  return DeleteClient(gateway.grpc_address()).Delete();
}

TEST(BehaviourTest, ConnectionRefused) {
  const RefusingPort nobody;
  GatewayProcess gateway({.upstream = nobody.url(), .flags = kOneAttempt});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete();
  EXPECT_THAT(reply, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(reply, HasDeletion("not_performed"));
  EXPECT_THAT(reply, HasDomain("evalrun-gateway"));
  EXPECT_THAT(reply, IsWellFormedError());
}

TEST(BehaviourTest, PassesOnTheApisErrorText) {
  const DeleteReply reply = ReplyTo(ApiErrorReply(404, "resource.not_found"));
  EXPECT_THAT(reply, HasReason("RESOURCE_NOT_FOUND"));
  EXPECT_THAT(reply, HasInfo("upstream_code", "resource.not_found"));
  EXPECT_THAT(reply, HasInfo("upstream_request_id", "req-404"));
  EXPECT_THAT(reply.message, ::testing::HasSubstr("fixed 404 response"));
  ASSERT_TRUE(reply.resource_info.has_value());
  EXPECT_EQ(reply.resource_info->resource_name(), kRun);
}

TEST(BehaviourTest, RemovesControlCharactersFromTheMessage) {
  const DeleteReply reply = ReplyTo(HttpReply(
      404, ApiError("not_found", "tab\\there, newline\\nthere, \xc3\xbcml\xc3\xa4ut, 100%")));
  EXPECT_THAT(reply.message, ::testing::HasSubstr("\xc3\xbcml\xc3\xa4ut, 100%"));
  EXPECT_EQ(reply.message.find_first_of("\t\n"), std::string::npos);
}

TEST(BehaviourTest, ReplacesInvalidUtf8InTheMessage) {
  const DeleteReply reply =
      ReplyTo(HttpReply(404, ApiError("not_found", "caf\xe9 \xff bad utf-8")));
  EXPECT_THAT(reply.message, ::testing::HasSubstr("bad utf-8"));
  EXPECT_EQ(reply.message.find_first_of("\xe9\xff"), std::string::npos);
}

TEST(BehaviourTest, RetryAfterSecondsBecomesRetryInfo) {
  const DeleteReply reply =
      ReplyTo(ApiErrorReply(429, "quota.limit_exceeded", "retry-after: 7\r\n"));
  ASSERT_TRUE(reply.retry_info.has_value());
  EXPECT_EQ(RetryDelayMs(reply), 7000);
}

TEST(BehaviourTest, RetryAfterMsTakesPrecedence) {
  const DeleteReply reply = ReplyTo(
      ApiErrorReply(429, "quota.limit_exceeded", "retry-after: 7\r\nretry-after-ms: 1500\r\n"));
  EXPECT_EQ(RetryDelayMs(reply), 1500);
}

TEST(BehaviourTest, CapsARetryAfterDateAtOneHour) {
  const DeleteReply reply = ReplyTo(
      ApiErrorReply(429, "quota.limit_exceeded", "retry-after: Wed, 21 Oct 2099 07:28:00 GMT\r\n"));
  EXPECT_EQ(RetryDelayMs(reply), 3'600'000);
}

TEST(BehaviourTest, RetryAfterDateIsRelativeToTheResponsesDate) {
  const DeleteReply reply =
      ReplyTo(ApiErrorReply(429, "quota.limit_exceeded",
                            "date: Wed, 21 Oct 2099 07:27:48 GMT\r\n"
                            "retry-after: Wed, 21 Oct 2099 07:28:00 GMT\r\n"));
  EXPECT_EQ(RetryDelayMs(reply), 12'000);
}

TEST(BehaviourTest, Http429WithoutRetryAfterHasRetryInfo) {
  EXPECT_TRUE(ReplyTo(ApiErrorReply(429, "quota.limit_exceeded")).retry_info.has_value());
}

TEST(BehaviourTest, FieldErrorsOf422BecomeBadRequest) {
  const DeleteReply reply = ReplyTo(HttpReply(
      422, R"({"detail":[{"loc":["query","workspace_uuid"],"msg":"no uuid","type":"t"}]})"));
  EXPECT_THAT(reply, HasCode(StatusCode::INVALID_ARGUMENT));
  ASSERT_TRUE(reply.bad_request.has_value());
  ASSERT_EQ(reply.bad_request->field_violations_size(), 1);
  EXPECT_THAT(reply.bad_request->field_violations(0).field(),
              ::testing::HasSubstr("workspace_uuid"));
  EXPECT_EQ(reply.bad_request->field_violations(0).description(), "no uuid");
}

TEST(BehaviourTest, SkipsInformationalResponses) {
  const DeleteReply reply =
      ReplyTo("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + HttpReply(204));
  EXPECT_THAT(reply, HasCode(StatusCode::OK));
  EXPECT_THAT(reply, HasDeletion("performed"));
}

}  // namespace
}  // namespace evalrun::testing
