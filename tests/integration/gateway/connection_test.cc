// SPDX-License-Identifier: Apache-2.0
//
// Connections that fail at the worst moments. libcurl silently resends a request when a reused
// connection fails: every request that the upstream receives must be an attempt that the gateway
// decided on and counted.
#include <unistd.h>

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/hosts_file.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using grpc::StatusCode;

struct ConnectionFailure {
  const char* name;
  Script script;
};

void PrintTo(const ConnectionFailure& failure, std::ostream* os) { *os << failure.name; }

std::vector<ConnectionFailure> ConnectionFailures() {
  return {
      {"Fin", CloseWithoutResponse()},
      {"Reset", ResetWithoutResponse()},
      {"FinAfterHalfAStatusLine", RespondAndClose("HTTP/1.1 20")},
      {"HalfClosedWithoutResponse",
       [](const ReceivedRequest&, UpstreamConnection& connection) {
         connection.ShutdownWrite();
         connection.WaitForPeerToClose();
         connection.Close();
       }},
  };
}

class ConnectionFailureTest : public ::testing::TestWithParam<ConnectionFailure> {
 protected:
  // Makes a first call whose connection is reused, then a second one. `scripts`: what happens to
  // the requests, in order of arrival.
  void Call(std::vector<Script> scripts, const std::vector<std::string>& flags) {
    scripts.insert(scripts.begin(), Respond(HttpReply(204)));
    ScriptedUpstream upstream(InOrder(std::move(scripts)));
    GatewayProcess gateway({.upstream = upstream.url(), .flags = flags});
    const DeleteClient client(gateway.grpc_address());
    ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK));
    reply_ = client.Delete({.metadata = {{"x-request-id", "second"}}});
    const auto line = gateway.WaitForAccessLine("second");
    ASSERT_TRUE(line.has_value());
    attempts_ = line->value("sends", -1);
    arrived_ = static_cast<int>(upstream.requests().size()) - 1;
    second_on_connection_ = upstream.requests().at(1).nth_on_connection;
  }

  DeleteReply reply_;
  int attempts_ = 0;  // as reported by the gateway
  int arrived_ = 0;   // as seen by the upstream
  int second_on_connection_ = 0;
};

TEST_P(ConnectionFailureTest, IsOneAttemptWithoutHiddenRetry) {
  Call({GetParam().script, Respond(HttpReply(204))}, {"--max-attempts", "1"});
  EXPECT_EQ(second_on_connection_, 1) << "the connection was not reused: nothing was tested";
  EXPECT_THAT(reply_, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(reply_, HasDeletion("unknown"));
  EXPECT_THAT(reply_, HasAttempts(1));
  EXPECT_EQ(arrived_, 1);
  EXPECT_EQ(attempts_, 1);
}

TEST_P(ConnectionFailureTest, CountsEveryRequestThatArrives) {
  Call({GetParam().script, Respond(HttpReply(204))}, {});
  EXPECT_THAT(reply_, HasCode(StatusCode::OK));
  EXPECT_THAT(reply_, HasDeletion("performed"));
  EXPECT_EQ(arrived_, 2);
  EXPECT_EQ(attempts_, 2);
}

TEST_P(ConnectionFailureTest, NotFoundAfterwardsIsPresumedDeleted) {
  Call({GetParam().script, Respond(ApiErrorReply(404, "resource.not_found"))}, {});
  EXPECT_THAT(reply_, HasCode(StatusCode::OK));
  EXPECT_THAT(reply_, HasDeletion("presumed"));
  EXPECT_EQ(reply_.Trailing("evalrun-deletion"), "presumed");
  EXPECT_EQ(arrived_, 2);
  EXPECT_EQ(attempts_, 2);
}

TEST_P(ConnectionFailureTest, Unrecognized404AfterwardsIsNeverOk) {
  Call({GetParam().script, Respond(HttpReply(404, "<html>default backend</html>", "text/html"))},
       {});
  EXPECT_THAT(reply_, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(reply_, HasDeletion("unknown"));
  EXPECT_THAT(reply_, HasReason("UPSTREAM_UNRECOGNIZED_404"));
  EXPECT_THAT(reply_, IsWellFormedError());
}

TEST_P(ConnectionFailureTest, LaterAttemptsCannotMakeItCertain) {
  Call({GetParam().script, Respond(ApiErrorReply(401, "auth.invalid_key"))}, {});
  EXPECT_THAT(reply_, HasCode(StatusCode::UNAUTHENTICATED));
  EXPECT_THAT(reply_, HasDeletion("unknown"));
  EXPECT_THAT(reply_, HasAttempts(2));
}

TEST_P(ConnectionFailureTest, ThreeFailuresAreUnknown) {
  Call({GetParam().script, GetParam().script, GetParam().script, Respond(HttpReply(204))}, {});
  EXPECT_THAT(reply_, HasCode(StatusCode::UNAVAILABLE));
  EXPECT_THAT(reply_, HasDeletion("unknown"));
  EXPECT_THAT(reply_, HasAttempts(3));
  EXPECT_EQ(arrived_, 3);
}

INSTANTIATE_TEST_SUITE_P(Ways, ConnectionFailureTest, ::testing::ValuesIn(ConnectionFailures()),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(ConnectionTest, ReusesKeepAliveConnections) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  for (int i = 0; i < 20; ++i) ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK));
  EXPECT_EQ(upstream.requests().size(), 20u);
  EXPECT_EQ(upstream.connections(), 1);
}

TEST(ConnectionTest, ConnectionClosedAfterResponseCostsNothing) {
  ScriptedUpstream upstream(RespondAndClose(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--max-attempts", "1"}});
  const DeleteClient client(gateway.grpc_address());
  for (int i = 1; i <= 10; ++i) {
    ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK));
    ASSERT_TRUE(upstream.WaitForClosedConnections(i));
  }
  EXPECT_EQ(upstream.requests().size(), 10u);
}

TEST(ConnectionTest, HonorsConnectionClose) {
  ScriptedUpstream upstream(
      Respond(HttpReply(200, "{}", "application/json", "connection: close\r\n")));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  for (int i = 0; i < 3; ++i) ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK));
  EXPECT_EQ(upstream.connections(), 3);
}

TEST(ConnectionTest, RetriesOnANewConnectionWhenClosedBeforeReading) {
  for (const bool reset : {false, true}) {
    ScriptedUpstream::Options options;
    options.on_connect = [reset](UpstreamConnection& connection) {
      if (connection.number() > 0) return;
      if (reset) {
        connection.Reset();
      } else {
        connection.Close();
      }
    };
    ScriptedUpstream upstream(Respond(HttpReply(204)), options);
    GatewayProcess gateway({.upstream = upstream.url()});
    const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete();
    EXPECT_THAT(reply, HasCode(StatusCode::OK));
    EXPECT_THAT(reply, HasDeletion("performed"));
    EXPECT_EQ(upstream.requests().size(), 1u);
    EXPECT_EQ(upstream.connections(), 2);
  }
}

TEST(ConnectionTest, TrailingBytesDoNotAnswerTheNextRequest) {
  // A second, unsolicited response: it could report a run as deleted that was never requested.
  ScriptedUpstream upstream(
      InOrder({Respond(HttpReply(204) + HttpReply(204)),
               Respond(ApiErrorReply(403, "auth.insufficient_permissions"))}));
  GatewayProcess gateway({.upstream = upstream.url()});
  const DeleteClient client(gateway.grpc_address());
  ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK));
  EXPECT_THAT(client.Delete(), HasCode(StatusCode::PERMISSION_DENIED));
  EXPECT_EQ(upstream.requests().size(), 2u);
}

TEST(ConnectionTest, RejectsResponsesWithTooManyHeaders) {
  std::string headers;
  for (int i = 0; i < 4000; ++i) headers += "x-junk: " + std::string(100, 'j') + "\r\n";
  ScriptedUpstream upstream(Respond(HttpReply(500, "{}", "application/json", headers)));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--max-attempts", "1"}});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete();
  EXPECT_THAT(reply, HasDeletion("unknown"));
  EXPECT_THAT(reply, IsWellFormedError());
}

TEST(ConnectionTest, TruncatesAnEndlessBody) {
  ScriptedUpstream upstream([](const ReceivedRequest&, UpstreamConnection& connection) {
    connection.Write("HTTP/1.1 500 X\r\ncontent-type: application/json\r\n\r\n{\"error\": \"");
    const std::string more(65536, 'x');
    while (connection.Write(more)) {
    }
    connection.Close();
  });
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--max-attempts", "1"}});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete();
  EXPECT_THAT(reply, HasCode(StatusCode::INTERNAL));
  EXPECT_THAT(reply, HasDeletion("unknown"));
  EXPECT_THAT(reply, HasInfo("http_status", "500"));
  EXPECT_LT(reply.elapsed, std::chrono::seconds(5)) << "the attempt timeout is 10 s";
}

TEST(ConnectionTest, DetectsABlackHoledPeerInTimeToRetry) {
  ScriptedUpstream upstream(
      InOrder({[](const ReceivedRequest&, UpstreamConnection& connection) {
                 connection.DropPackets();  // before the response, so that nothing gets in between
                 connection.Write(HttpReply(204));
               },
               Respond(HttpReply(204))}));
  GatewayProcess gateway(
      {.upstream = upstream.url(), .flags = {"--upstream-tcp-user-timeout", "500ms"}});
  const DeleteClient client(gateway.grpc_address());
  ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK));
  const DeleteReply reply = client.Delete({.metadata = {{"x-request-id", "second"}}});
  EXPECT_THAT(reply, HasCode(StatusCode::OK));
  EXPECT_LT(reply.elapsed, std::chrono::seconds(8)) << "the attempt timeout is 10 s";
  EXPECT_EQ(gateway.WaitForAccessLine("second")->value("sends", 0), 2);
  EXPECT_EQ(upstream.requests().size(), 2u) << "the black-holed request was never read";
}

TEST(ConnectionTest, FollowsDnsChangesWithoutARestart) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to create a mount namespace";
  ScriptedUpstream here(Respond(HttpReply(204)));
  ScriptedUpstream there(Respond(HttpReply(204)),
                         {.on_connect = {}, .host = "127.0.0.2", .port = here.port()});
  const HostsFile hosts("127.0.0.1 upstream.test\n");
  GatewayProcess gateway(
      {.upstream = "http://upstream.test:" + std::to_string(here.port()) + "/v2",
       .flags = {"--upstream-dns-cache-time", "1s", "--upstream-connection-lifetime", "1s"},
       .hosts_file = hosts.path()});
  const DeleteClient client(gateway.grpc_address());
  ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK));
  EXPECT_EQ(here.requests().size(), 1u);

  hosts.Write("127.0.0.2 upstream.test\n");
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (there.requests().empty() && std::chrono::steady_clock::now() < give_up) {
    ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK)) << "the old address still works";
  }
  EXPECT_FALSE(there.requests().empty());
}

TEST(ConnectionTest, ThreeHundredCallsInFlight) {
  const Latch latch;
  ScriptedUpstream upstream(RespondWhen(latch, HttpReply(204)));
  GatewayProcess gateway(
      {.upstream = upstream.url(), .flags = {"--server-max-concurrent-streams=150"}});
  const DeleteClient one(gateway.grpc_address());
  const DeleteClient two(gateway.grpc_address());
  std::vector<PendingDelete> calls;
  for (int i = 0; i < 300; ++i) {
    calls.push_back((i % 2 == 0 ? one : two).Start({.timeout = std::chrono::minutes(1)}));
  }
  ASSERT_TRUE(upstream.WaitForRequests(300, std::chrono::seconds(50)));
  EXPECT_EQ(gateway.Get("/healthz").status, 200);
  latch.Open();
  for (PendingDelete& call : calls) EXPECT_THAT(call.Get(), HasCode(StatusCode::OK));
  EXPECT_EQ(upstream.requests().size(), 300u);
}

}  // namespace
}  // namespace evalrun::testing
