// SPDX-License-Identifier: Apache-2.0
//
// Which metadata of the caller is forwarded upstream, and what is returned.
#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/grpc_version.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using grpc::StatusCode;
using Metadata = std::vector<std::pair<std::string, std::string>>;

constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

class ForwardingTest : public ::testing::Test {
 protected:
  void Start(const std::vector<std::string>& flags) {
    gateway_ = std::make_unique<GatewayProcess>(
        GatewayProcess::Options{.upstream = upstream_.url(), .flags = flags});
    client_ = std::make_unique<DeleteClient>(gateway_->grpc_address());
  }

  // Makes a call with this metadata and returns the request that the upstream received.
  ReceivedRequest Send(const Metadata& metadata) {
    if (client_ == nullptr) Start({});
    reply_ = client_->Delete({.metadata = metadata});
    EXPECT_THAT(reply_, HasCode(StatusCode::OK));
    return upstream_.requests().back();
  }

  ScriptedUpstream upstream_{Respond(HttpReply(204))};
  std::unique_ptr<GatewayProcess> gateway_;
  std::unique_ptr<DeleteClient> client_;
  DeleteReply reply_;
};

TEST_F(ForwardingTest, GeneratesReturnsAndForwardsARequestId) {
  const ReceivedRequest request = Send({});
  ASSERT_TRUE(reply_.Initial("x-request-id").has_value());
  EXPECT_THAT(*reply_.Initial("x-request-id"), ::testing::MatchesRegex("[A-Za-z0-9._-]+"));
  EXPECT_LE(reply_.Initial("x-request-id")->size(), 128u);
  EXPECT_EQ(request.Header("x-request-id"), reply_.Initial("x-request-id"));
  EXPECT_TRUE(gateway_->WaitForAccessLine(*reply_.Initial("x-request-id")).has_value());
}

TEST_F(ForwardingTest, GeneratesAUniqueRequestIdPerCall) {
  const auto first = Send({}).Header("x-request-id");
  EXPECT_NE(Send({}).Header("x-request-id"), first);
}

TEST_F(ForwardingTest, KeepsAWellFormedRequestId) {
  for (const std::string& id :
       {std::string("abc-1"), std::string("A.b_c-9"), std::string("x"), std::string(128, 'r')}) {
    const ReceivedRequest request = Send({{"x-request-id", id}});
    EXPECT_EQ(reply_.Initial("x-request-id"), id);
    EXPECT_EQ(request.Header("x-request-id"), id);
  }
}

TEST_F(ForwardingTest, ReplacesAMalformedRequestId) {
  for (const std::string& id :
       {std::string("with space"), std::string("quote\""), std::string("a/b"),
        std::string("%0d%0a"), std::string("{}"), std::string(129, 'r')}) {
    SCOPED_TRACE(id);
    const ReceivedRequest request = Send({{"x-request-id", id}});
    ASSERT_TRUE(reply_.Initial("x-request-id").has_value());
    EXPECT_NE(reply_.Initial("x-request-id"), id);
    EXPECT_EQ(request.Header("x-request-id"), reply_.Initial("x-request-id"));
  }
}

TEST_F(ForwardingTest, ReplacesDuplicateRequestIds) {
  const ReceivedRequest request = Send({{"x-request-id", "one"}, {"x-request-id", "two"}});
  ASSERT_TRUE(reply_.Initial("x-request-id").has_value());
  EXPECT_THAT(request.raw, ::testing::Not(::testing::HasSubstr("one\r\n")));
  EXPECT_THAT(request.raw, ::testing::Not(::testing::HasSubstr("two\r\n")));
}

TEST_F(ForwardingTest, ForwardsWellFormedTraceContext) {
  const ReceivedRequest request =
      Send({{"traceparent", kTraceparent}, {"tracestate", "vendor=abc,other@x=1"}});
  EXPECT_EQ(request.Header("traceparent"), kTraceparent);
  EXPECT_EQ(request.Header("tracestate"), "vendor=abc,other@x=1");
}

// W3C Trace Context, section 3.3: several fields are one list.
TEST_F(ForwardingTest, JoinsTracestateFieldsInOrder) {
  const ReceivedRequest request = Send({{"tracestate", "z=1,a=2"},
                                        {"traceparent", kTraceparent},
                                        {"tracestate", "m=3"},
                                        {"tracestate", ""},
                                        {"tracestate", "b=4"}});
  EXPECT_EQ(request.Header("tracestate"), "z=1,a=2,m=3,b=4");
  EXPECT_EQ(std::ranges::count(request.HeaderNames(), "tracestate"), 1);
}

TEST_F(ForwardingTest, DropsSeveralTracestateFieldsThatAreTooLongTogether) {
  const std::string half(254, 'x');
  const ReceivedRequest fits = Send({{"traceparent", kTraceparent},
                                     {"tracestate", "a=" + half},
                                     {"tracestate", "b=" + half.substr(1)}});
  EXPECT_EQ(fits.Header("tracestate"), "a=" + half + ",b=" + half.substr(1));
  const ReceivedRequest too_long = Send(
      {{"traceparent", kTraceparent}, {"tracestate", "a=" + half}, {"tracestate", "b=" + half}});
  EXPECT_EQ(too_long.Header("tracestate"), std::nullopt);
}

// Section 3.2: a request has one traceparent.
TEST_F(ForwardingTest, ForwardsNeitherOfTwoTraceparents) {
  const std::string other = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  for (const std::string& second : {std::string(kTraceparent), other}) {
    const ReceivedRequest request =
        Send({{"traceparent", kTraceparent}, {"traceparent", second}, {"tracestate", "a=b"}});
    if (!evalrun::testing::HasGrpc151()) {
      EXPECT_EQ(request.Header("traceparent"), second) << "newer gRPC has kept the last one only";
      continue;
    }
    EXPECT_EQ(request.Header("traceparent"), std::nullopt);
    EXPECT_EQ(request.Header("tracestate"), std::nullopt) << "without its traceparent";
  }
}

TEST_F(ForwardingTest, DropsMalformedTraceContext) {
  for (const char* traceparent :
       {"", "00", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x", "x y z"}) {
    SCOPED_TRACE(traceparent);
    const ReceivedRequest request = Send({{"traceparent", traceparent}, {"tracestate", "a=b"}});
    EXPECT_EQ(request.Header("traceparent"), std::nullopt);
    EXPECT_EQ(request.Header("tracestate"), std::nullopt) << "without its traceparent";
  }
}

TEST_F(ForwardingTest, DropsOversizedTracestate) {
  const ReceivedRequest request =
      Send({{"traceparent", kTraceparent}, {"tracestate", "a=" + std::string(1024, 'x')}});
  EXPECT_EQ(request.Header("traceparent"), kTraceparent);
  EXPECT_EQ(request.Header("tracestate"), std::nullopt);
}

TEST_F(ForwardingTest, EachHeaderCanBeDisabled) {
  Start(
      {"--forward-traceparent=false", "--forward-tracestate=false", "--forward-request-id=false"});
  const ReceivedRequest request = Send(
      {{"x-request-id", "abc-1"}, {"traceparent", kTraceparent}, {"tracestate", "vendor=abc"}});
  EXPECT_EQ(request.Header("traceparent"), std::nullopt);
  EXPECT_EQ(request.Header("tracestate"), std::nullopt);
  EXPECT_NE(request.Header("x-request-id"), "abc-1");
}

TEST_F(ForwardingTest, TracestateAloneCanBeDisabled) {
  Start({"--forward-tracestate=false"});
  const ReceivedRequest request =
      Send({{"traceparent", kTraceparent}, {"tracestate", "vendor=abc"}});
  EXPECT_EQ(request.Header("traceparent"), kTraceparent);
  EXPECT_EQ(request.Header("tracestate"), std::nullopt);
}

TEST_F(ForwardingTest, ForwardsNothingElse) {
  const ReceivedRequest request = Send({{"x-api-key", "evil"},
                                        {"authorization", "Bearer evil"},
                                        {"cookie", "evil=1"},
                                        {"x-forwarded-for", "evil"},
                                        {"host", "evil"},
                                        {"x-use-sandbox", "evil"},
                                        {"expect", "100-evil"},
                                        {"transfer-encoding", "evil"},
                                        {"x-should-retry", "evil"},
                                        {"key-bin", "evil"}});
  EXPECT_THAT(request.raw, ::testing::Not(::testing::HasSubstr("evil")));
  EXPECT_EQ(request.Header("x-api-key"), kCanaryKey);
  EXPECT_THAT(request.HeaderNames(), ::testing::UnorderedElementsAre("accept", "host", "user-agent",
                                                                     "x-api-key", "x-request-id"));
}

TEST_F(ForwardingTest, DoesNotReturnUpstreamHeaders) {
  ScriptedUpstream upstream(Respond(HttpReply(
      200, "{}", "application/json",
      "set-cookie: secret=1\r\nx-request-id: theirs\r\nserver: nginx\r\nx-internal: 1\r\n")));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteReply reply =
      DeleteClient(gateway.grpc_address()).Delete({.metadata = {{"x-request-id", "mine"}}});
  EXPECT_EQ(reply.Initial("x-request-id"), "mine");
  for (const auto* metadata : {&reply.initial_metadata, &reply.trailing_metadata}) {
    for (const char* key : {"set-cookie", "server", "x-internal"}) {
      EXPECT_EQ(metadata->count(key), 0u) << key;
    }
  }
}

TEST_F(ForwardingTest, DoesNotFollowRedirects) {
  ScriptedUpstream elsewhere(Respond(HttpReply(204)));
  ScriptedUpstream upstream(
      Respond(HttpReply(307, "", "", "location: " + elsewhere.url() + "/eval-runs/x\r\n")));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete();
  EXPECT_THAT(reply, HasCode(StatusCode::INTERNAL));
  EXPECT_THAT(reply, HasReason("UPSTREAM_UNEXPECTED_REDIRECT"));
  EXPECT_EQ(elsewhere.connections(), 0);
  EXPECT_EQ(upstream.requests().size(), 1u);
}

TEST_F(ForwardingTest, IgnoresProxyEnvironmentVariables) {
  ScriptedUpstream proxy(Respond(HttpReply(204)));
  const std::string url = "http://127.0.0.1:" + std::to_string(proxy.port());
  GatewayProcess gateway({.upstream = upstream_.url(),
                          .env = {{"http_proxy", url}, {"HTTP_PROXY", url}, {"all_proxy", url}}});
  EXPECT_THAT(DeleteClient(gateway.grpc_address()).Delete(), HasCode(StatusCode::OK));
  EXPECT_EQ(proxy.connections(), 0);
  EXPECT_EQ(upstream_.requests().size(), 1u);
}

TEST_F(ForwardingTest, UsesItsProxyWhateverTheEnvironmentExcludes) {
  ScriptedUpstream proxy(Respond(HttpReply(204)));
  GatewayProcess gateway(
      {.upstream = upstream_.url(),
       .flags = {"--upstream-proxy", "http://127.0.0.1:" + std::to_string(proxy.port())},
       .env = {{"no_proxy", "*"}, {"NO_PROXY", "*"}}});
  EXPECT_THAT(DeleteClient(gateway.grpc_address()).Delete(), HasCode(StatusCode::OK));
  EXPECT_EQ(proxy.requests().size(), 1u);
  EXPECT_EQ(upstream_.connections(), 0);
}

}  // namespace
}  // namespace evalrun::testing
