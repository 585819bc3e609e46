// SPDX-License-Identifier: Apache-2.0
//
// One line per call, whatever the call contains; and the API key is never logged.
#include <signal.h>

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/raw_http2.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using grpc::StatusCode;
using ::testing::HasSubstr;
using ::testing::Not;

// Ways to end a line or a JSON string.
const std::string kForgery =
    "\"}\n{\"event\":\"call\",\"request_id\":\"forged\"}\r\n\x1b[2J\\\",\xe2\x80\xa8\xe2\x80\xa9";

// The encoded bytes of a string field in a request.
std::string Field(int number, const std::string& value) {
  std::string field(1, static_cast<char>(number << 3 | 2));
  size_t size = value.size();
  for (; size >= 128; size /= 128) field += static_cast<char>(size % 128 + 128);
  return (field += static_cast<char>(size)) + value;
}

void ExpectNothingForged(const GatewayProcess& gateway, size_t calls) {
  const auto log = gateway.AccessLog();  // fails for a line that is not a JSON object
  EXPECT_EQ(log.size(), calls);
  for (const auto& line : log) EXPECT_NE(line.value("request_id", ""), "forged");
}

TEST(AccessLogTest, WritesOneLinePerCall) {
  ScriptedUpstream upstream(InOrder({Respond(HttpReply(204)), Respond(ApiErrorReply(404, "x.y")),
                                     CloseWithoutResponse(), Respond(HttpReply(204))}));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  for (int i = 0; i < 50; ++i) {
    const std::string id = i % 5 == 4 ? ".." : kRun;
    client.Delete({.eval_run_uuid = id, .metadata = {{"x-request-id", std::to_string(i)}}});
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(gateway.WaitForAccessLine(std::to_string(i)).has_value()) << i;
  }
  EXPECT_EQ(gateway.AccessLog().size(), 50u);
}

TEST(AccessLogTest, LogsWhatTheCallerReceived) {
  ScriptedUpstream upstream(Respond(ApiErrorReply(404, "resource.not_found")));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteReply reply = DeleteClient(gateway.grpc_address())
                                .Delete({.workspace_uuid = "workspace."s + kWorkspace,
                                         .metadata = {{"x-request-id", "abc-1"}}});
  const auto line = gateway.WaitForAccessLine("abc-1");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->value("rpc.response.status_code", ""), "NOT_FOUND");
  EXPECT_EQ(line->value("deletion", ""), "absent");
  EXPECT_EQ(line->value("reason", ""), reply.error_info->reason());
  EXPECT_EQ(line->value("sends", -1), 1);
  EXPECT_EQ(line->value("http.response.status_code", 0), 404);
  EXPECT_EQ(line->value("eval_run_uuid", ""), kRun);
  EXPECT_EQ(line->value("workspace_uuid", ""), kWorkspace) << "logged in canonical form";
  EXPECT_EQ(line->value("upstream_code", ""), "resource.not_found");
  EXPECT_EQ(line->value("upstream_request_id", ""), "req-404");
}

TEST(AccessLogTest, CanBeDisabled) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--access-log=false"}});
  EXPECT_THAT(DeleteClient(gateway.grpc_address()).Delete(), HasCode(StatusCode::OK));
  gateway.process().Signal(SIGTERM);
  ASSERT_TRUE(gateway.process().WaitForExit().has_value());
  EXPECT_TRUE(gateway.AccessLog().empty());
}

TEST(LogInjectionTest, EscapesIds) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  const std::string messages[] = {Field(1, kForgery),
                                  Field(1, "a\0b\nc"s),
                                  Field(1, "\xff\xfe\n"),
                                  Field(1, kRun) + Field(2, kForgery),
                                  Field(1, kRun) + Field(2, "\xc3\n\0"s),
                                  Field(1, kForgery + std::string(10000, '\n'))};
  for (const std::string& message : messages) {
    EXPECT_NE(client.CallRaw(kDeleteMethod, message).code, StatusCode::OK);
  }
  client.Delete({.metadata = {{"x-request-id", "last"}}});
  ASSERT_TRUE(gateway.WaitForAccessLine("last").has_value());
  ExpectNothingForged(gateway, std::size(messages) + 1);
}

TEST(LogInjectionTest, EscapesInvalidMetadata) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  const std::string message = Field(1, kRun);
  const std::string values[] = {kForgery, "a\nb", "a\r\nx-evil: 1", "a\0b"s, "\xff\xfe",
                                "\"",     "\\",   "\x7f\x1b[0m"};
  for (const std::string& value : values) {
    SCOPED_TRACE(::testing::PrintToString(value));
    for (const char* name : {"x-request-id", "traceparent", "tracestate", "user-agent",
                             "grpc-previous-rpc-attempts", "x-anything", "grpc-timeout"}) {
      EXPECT_TRUE(CallOverRawHttp2(gateway.grpc_address(), message, {{name, value}}));
    }
  }
  client.Delete({.metadata = {{"x-request-id", "last"}}});
  ASSERT_TRUE(gateway.WaitForAccessLine("last").has_value());
  for (const auto& line : gateway.AccessLog()) EXPECT_NE(line.value("request_id", ""), "forged");
  for (const ReceivedRequest& request : upstream.requests()) {
    EXPECT_THAT(request.raw, Not(HasSubstr("evil")));
    EXPECT_THAT(request.raw, Not(HasSubstr("forged")));
  }
}

// Raw calls do reach the handler; otherwise the test above would prove nothing.
TEST(LogInjectionTest, LogsARawCallWithValidMetadata) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url()});
  EXPECT_TRUE(CallOverRawHttp2(gateway.grpc_address(), Field(1, kRun),
                               {{"x-request-id", "raw-1"}, {"x-anything", "\xff"}}));
  EXPECT_TRUE(gateway.WaitForAccessLine("raw-1").has_value());
  EXPECT_EQ(upstream.requests().size(), 1u);
}

TEST(LogInjectionTest, EscapesUpstreamText) {
  const std::string forgery =
      R"(\"}\n{\"event\":\"call\",\"request_id\":\"forged\"}\r\n\u0000\u2028\u001b[2J)";
  ScriptedUpstream upstream(
      Respond(HttpReply(409, ApiError(forgery, forgery, forgery), "application/json",
                        "x-request-id: \xff\"}\x01\r\n")));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete();
  EXPECT_THAT(reply, HasCode(StatusCode::ABORTED));
  EXPECT_THAT(reply, IsWellFormedError());
  ASSERT_TRUE(gateway.WaitForAccessLine(*reply.Trailing("x-request-id")).has_value());
  ExpectNothingForged(gateway, 1);
}

std::string EverythingIn(const DeleteReply& reply) {
  std::string all = reply.message + "\n";
  for (const auto* metadata : {&reply.initial_metadata, &reply.trailing_metadata}) {
    for (const auto& [key, value] : *metadata) all.append(key).append(": ").append(value) += '\n';
  }
  return all;
}

TEST(CanaryTest, RedactsAKeyEchoedByTheUpstream) {
  const std::string key = kCanaryKey;
  const std::string bodies[] = {
      ApiError("auth.invalid_key", "your key " + key + " is wrong, " + key, "r-" + key),
      ApiError(key, key, key), ApiError("auth." + key, "m"), R"({"detail":"bad key )" + key + "\"}",
      R"({"detail":[{"loc":["header",")" + key + R"("],"msg":"bad )" + key + R"(","type":"t"}]})",
      "<html>" + key + "</html>",
      // Escaped so that it is the key only after decoding.
      R"({"error":{"code":"c","message":"\u0063anary-key-0123456789abcdef"}})"};
  for (const std::string& body : bodies) {
    SCOPED_TRACE(body);
    ScriptedUpstream upstream(Respond(HttpReply(
        401, body, "application/json",
        "x-request-id: " + key + "\r\nx-echo: " + key + "\r\nwww-authenticate: " + key + "\r\n")));
    GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--log-level", "debug"}});
    const DeleteReply reply =
        DeleteClient(gateway.grpc_address()).Delete({.metadata = {{"x-request-id", "c-1"}}});
    EXPECT_THAT(reply, HasCode(StatusCode::UNAUTHENTICATED));
    EXPECT_THAT(EverythingIn(reply), Not(HasSubstr(key)));
    EXPECT_EQ(EverythingIn(reply).find("CANARY_KEY"), std::string::npos) << "as a reason";
    ASSERT_TRUE(gateway.WaitForAccessLine("c-1").has_value());
    EXPECT_THAT(gateway.Get("/metrics").body, Not(HasSubstr(key)));
    gateway.process().Signal(SIGTERM);
    ASSERT_TRUE(gateway.process().WaitForExit().has_value());
    EXPECT_THAT(gateway.process().all_output(), Not(HasSubstr(key)));
  }
}

TEST(CanaryTest, DoesNotRevealTheUpstreamAddress) {
  const RefusingPort nobody;
  const std::string port = nobody.url().substr(17, nobody.url().rfind('/') - 17);
  GatewayProcess gateway({.upstream = nobody.url()});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete();
  EXPECT_THAT(reply, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(EverythingIn(reply), Not(HasSubstr(port)));
  EXPECT_THAT(EverythingIn(reply), Not(HasSubstr("127.0.0.1")));
}

}  // namespace
}  // namespace evalrun::testing
