// SPDX-License-Identifier: Apache-2.0
//
// A malicious upstream: memory and time stay bounded, the reply is right, and no call gets the
// response meant for another. Mere failures are in fault_matrix_test.cc.
#include <chrono>
#include <fstream>
#include <string>
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

constexpr std::size_t kMiB = std::size_t{1} << 20U;

// Writes `piece` until the peer closes the connection, or `most` bytes have been written.
Script Flood(std::string head, std::string piece, std::size_t most = 4096 * kMiB) {
  return [=](const ReceivedRequest&, UpstreamConnection& connection) {
    if (!connection.Write(head)) return;
    for (std::size_t written = 0; written < most; written += piece.size()) {
      if (!connection.Write(piece)) return;
    }
    connection.Close();
  };
}

std::string Repeat(std::string_view text, std::size_t bytes) {
  std::string out;
  while (out.size() < bytes) out += text;
  return out;
}

// A gzip stream that claims to expand ten thousand times; its content is never read.
std::string Bomb() {
  return "\x1f\x8b\x08" + std::string(7, '\0') + Repeat("\xec\xc1\x01", 60'000);
}

struct Attack {
  const char* name;
  Script script;
  StatusCode code;
  const char* deletion;
  const char* reason;  // empty for OK
};

std::vector<Attack> Attacks() {
  using Code = StatusCode;
  const std::string junk = Repeat("x-junk: " + std::string(1000, 'j') + "\r\n", 64 * 1024);
  const std::string zeros(64 * 1024, '0');
  return {
      // The status line decides, whatever follows it.
      {"EndlessHeaders", Flood("HTTP/1.1 204 X\r\n", junk), Code::OK, "performed", ""},
      {"OneEndlessHeader", Flood("HTTP/1.1 204 X\r\nx-junk: ", zeros), Code::OK, "performed", ""},
      {"GibibyteOfBody",
       Flood("HTTP/1.1 500 X\r\ncontent-length: 1073741824\r\n\r\n", zeros, 1024 * kMiB),
       Code::INTERNAL, "unknown", "UPSTREAM_INTERNAL_ERROR"},
      {"EndlessChunks",
       Flood("HTTP/1.1 404 X\r\ntransfer-encoding: chunked\r\n\r\n",
             Repeat("400\r\n" + std::string(1024, '0') + "\r\n", 64 * 1024)),
       Code::UNAVAILABLE, "not_performed", "UPSTREAM_UNRECOGNIZED_404"},
      {"EndlessTrailers", Flood("HTTP/1.1 404 X\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", junk),
       Code::UNAVAILABLE, "not_performed", "UPSTREAM_UNRECOGNIZED_404"},
      {"EndlessChunkExtension",
       Flood("HTTP/1.1 404 X\r\ntransfer-encoding: chunked\r\n\r\n4;", zeros), Code::UNAVAILABLE,
       "not_performed", "UPSTREAM_UNRECOGNIZED_404"},
      {"CompressedBomb",
       Respond(HttpReply(404, Bomb(), "application/json", "content-encoding: gzip\r\n")),
       Code::UNAVAILABLE, "not_performed", "UPSTREAM_UNRECOGNIZED_404"},
      {"CompressedTransfer",
       Respond("HTTP/1.1 404 X\r\ntransfer-encoding: gzip, chunked\r\n\r\n4\r\n\x1f\x8b\x08"
               "x\r\n0\r\n\r\n"),
       Code::UNAVAILABLE, "not_performed", "UPSTREAM_UNRECOGNIZED_404"},
      // There is no final status.
      {"EndlessStatusLine", Flood("HTTP/1.1 2", zeros), Code::UNAVAILABLE, "unknown",
       "UPSTREAM_PROTOCOL_ERROR"},
      {"FloodOf1xx", Flood("", Repeat("HTTP/1.1 103 X\r\nlink: </x>\r\n\r\n", 64 * 1024)),
       Code::UNAVAILABLE, "unknown", "UPSTREAM_PROTOCOL_ERROR"},
      {"FloodOf100", Flood("", Repeat("HTTP/1.1 100 X\r\n\r\n", 64 * 1024)), Code::UNAVAILABLE,
       "unknown", "UPSTREAM_PROTOCOL_ERROR"},
      {"AByteAMinute", RespondSlowly("HTTP/1.1 204 X\r\n\r\n", 60s), Code::DEADLINE_EXCEEDED,
       "unknown", "UPSTREAM_TIMEOUT"},
      {"AnotherProtocol", RespondAndStall("HTTP/1.1 101 X\r\nupgrade: h2c\r\n\r\n"),
       Code::UNAVAILABLE, "unknown", "UPSTREAM_PROTOCOL_ERROR"},
      {"StatusBeyondNumbers", RespondAndClose("HTTP/1.1 99999999999999999999 X\r\n\r\n"),
       Code::UNAVAILABLE, "unknown", "UPSTREAM_PROTOCOL_ERROR"},
      {"TwoLengths", Respond("HTTP/1.1 500 X\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx"),
       Code::INTERNAL, "unknown", "UPSTREAM_INTERNAL_ERROR"},
      {"NegativeLength", RespondAndClose("HTTP/1.1 500 X\r\ncontent-length: -1\r\n\r\nxx"),
       Code::INTERNAL, "unknown", "UPSTREAM_INTERNAL_ERROR"},
  };
}

// The peak memory of the process. 0 with AddressSanitizer: most of it is then the sanitizer's, and
// leaks are found by LeakSanitizer.
std::size_t PeakMemory(const GatewayProcess& gateway) {
#ifdef __SANITIZE_ADDRESS__
  static_cast<void>(gateway);
#else
  std::ifstream status("/proc/" + std::to_string(gateway.process().pid()) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) * 1024;
  }
#endif
  return 0;
}

class HostileUpstreamTest : public ::testing::TestWithParam<Attack> {};

TEST_P(HostileUpstreamTest, BoundsMemoryAndTimeAndRespondsCorrectly) {
  const Attack& attack = GetParam();
  // Correct responses first and last: the gateway still works afterwards.
  ScriptedUpstream upstream(InOrder({Respond(HttpReply(204)), attack.script, attack.script,
                                     attack.script, Respond(HttpReply(204))}));
  GatewayProcess gateway(
      {.upstream = upstream.url(), .flags = {"--max-attempts", "1", "--upstream-timeout", "3s"}});
  const DeleteClient client(gateway.grpc_address());
  ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK));
  const std::size_t before = PeakMemory(gateway);
  for (int i = 0; i < 3; ++i) {
    const DeleteReply reply = client.Delete();
    EXPECT_THAT(reply, HasCode(attack.code));
    EXPECT_THAT(reply, HasDeletion(attack.deletion));
    EXPECT_LT(reply.elapsed, 6s);
    if (attack.code != StatusCode::OK) {
      EXPECT_THAT(reply, HasReason(attack.reason));
      EXPECT_THAT(reply, IsWellFormedError());
    }
  }
  EXPECT_LT(PeakMemory(gateway), before + 8 * kMiB);
  EXPECT_THAT(client.Delete(), HasCode(StatusCode::OK));
  // With LeakSanitizer the exit status is not 0 if there are leaks.
  gateway.process().Signal(SIGTERM);
  const auto exit = gateway.process().WaitForExit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->code, 0) << gateway.process().stderr_text();
}

INSTANTIATE_TEST_SUITE_P(Attacks, HostileUpstreamTest, ::testing::ValuesIn(Attacks()),
                         [](const auto& param) { return std::string(param.param.name); });

// upstream.max_response_bytes is about the body.
TEST(LargeHeaderTest, IsNoReasonToDropAResponse) {
  ScriptedUpstream upstream(Respond(
      ApiErrorReply(409, "resource.conflict", "x-junk: " + std::string(4000, 'j') + "\r\n")));
  GatewayProcess gateway(
      {.upstream = upstream.url(),
       .flags = {"--max-attempts", "1", "--upstream-max-response-bytes", "1024"}});
  const DeleteReply reply = DeleteClient(gateway.grpc_address()).Delete();
  EXPECT_THAT(reply, HasCode(StatusCode::ABORTED));
  EXPECT_THAT(reply, HasReason("RESOURCE_CONFLICT"));
}

// More than one response to a request: the next call must not get the rest.
class UnexpectedBytesTest : public ::testing::TestWithParam<std::size_t> {};

TEST_P(UnexpectedBytesTest, AreNotTakenForAResponse) {
  // The parameter: by how many bytes this exceeds or falls short of libcurl's read size.
  ScriptedUpstream upstream(
      ByPositionOnConnection({Respond(HttpReply(204) + Repeat(HttpReply(204), GetParam())),
                              Respond(ApiErrorReply(404, "resource.not_found"))}));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--max-attempts", "1"}});
  const DeleteClient client(gateway.grpc_address());
  ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK));
  const DeleteReply reply = client.Delete();
  // Each call got the response to its own request, on whichever connection.
  ASSERT_EQ(upstream.requests().size(), 2u);
  const bool reused = upstream.requests().back().nth_on_connection == 1;
  EXPECT_THAT(reply, HasCode(reused ? StatusCode::NOT_FOUND : StatusCode::OK));
}

INSTANTIATE_TEST_SUITE_P(Bytes, UnexpectedBytesTest,
                         ::testing::Values(1, 4000, 5000, 20'000, 200'000),
                         ::testing::PrintToStringParamName());

TEST(UnsolicitedResponseTest, OnAPooledConnectionIsIgnored) {
  Latch speak;
  // After its first response the connection sends an unsolicited one, as proxies do with a 408.
  ScriptedUpstream upstream(
      InOrder({[&](const ReceivedRequest&, UpstreamConnection& connection) {
                 connection.Write(HttpReply(204));
                 connection.WaitFor(speak);
                 connection.Write(HttpReply(408, "", "text/plain", "connection: close\r\n"));
               },
               Respond(ApiErrorReply(404, "resource.not_found"))}));
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--max-attempts", "1"}});
  const DeleteClient client(gateway.grpc_address());
  ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK));
  speak.Open();
  ASSERT_TRUE(upstream.WaitForClosedConnections(1, 5s)) << "sooner than by its age";
  const DeleteReply reply = client.Delete();
  EXPECT_THAT(reply, HasCode(StatusCode::NOT_FOUND));
  EXPECT_THAT(reply, HasDeletion("absent"));
  EXPECT_EQ(upstream.connections(), 2);
}

}  // namespace
}  // namespace evalrun::testing
