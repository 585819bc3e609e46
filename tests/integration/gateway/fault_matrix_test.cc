// SPDX-License-Identifier: Apache-2.0
//
// The fault matrix: everything that can go wrong with an attempt, on a new or a reused connection,
// and what follows: no attempt left, or one more that deletes the run, finds it gone, or is
// rejected. For each combination: the exact reply, the number of attempts, the log line and the
// metrics.
#include <optional>
#include <ostream>
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
using ::testing::HasSubstr;

// What the caller gets and the log contains.
struct Expected {
  StatusCode code;
  const char* deletion;
  const char* reason;  // empty for OK
  const char* level;
};

struct Fault {
  const char* name;
  Script script;
  const char* status_class;  // the label in http_client_request_duration_seconds
  Expected last;             // if no attempt is left
  // If one more attempt gets 204, a recognised 404, or 401. NotPerformed: this fault is never
  // retried, so the next response does not matter.
  struct Followed {
    Expected by_success, by_absence, by_refusal;
  };
  std::optional<Followed> followed;
};

constexpr Expected kPerformed = {StatusCode::OK, "performed", "", "info"};

// After an attempt that may have deleted the run: a recognised 404 is attributed to it, and a
// rejection of the next attempt leaves the outcome unknown.
constexpr Fault::Followed kAfterUnknown = {
    kPerformed,
    {StatusCode::OK, "presumed", "", "info"},
    {StatusCode::UNAUTHENTICATED, "unknown", "AUTH_INVALID_KEY", "error"}};

// After an attempt that certainly did nothing.
constexpr Fault::Followed kAfterNotPerformed = {
    kPerformed,
    {StatusCode::NOT_FOUND, "absent", "RESOURCE_NOT_FOUND", "info"},
    {StatusCode::UNAUTHENTICATED, "not_performed", "AUTH_INVALID_KEY", "error"}};

constexpr Expected UnknownOutcome(StatusCode code, const char* reason,
                                  const char* level = "warning") {
  return {code, "unknown", reason, level};
}
constexpr Expected NotPerformed(StatusCode code, const char* reason, const char* level = "info") {
  return {code, "not_performed", reason, level};
}

Script Html(int status) { return Respond(HttpReply(status, "<html></html>", "text/html")); }
Script Api(int status, const char* code, const char* headers = "") {
  return Respond(ApiErrorReply(status, code, headers));
}

constexpr char kEarlyHints[] = "HTTP/1.1 103 X\r\nlink: </x>\r\n\r\n";

// Endless headers, more than the gateway reads.
Script EndlessHeaders() {
  std::string headers;
  for (int i = 0; i < 2000; ++i) headers += "x-junk: " + std::string(100, 'j') + "\r\n";
  return RespondAndClose(HttpReply(204, "", "", headers));
}

std::vector<Fault> Faults() {
  using Code = StatusCode;
  constexpr auto kNever = std::nullopt;
  const Expected lost = UnknownOutcome(Code::UNAVAILABLE, "UPSTREAM_CONNECTION_LOST");
  const Expected timeout = UnknownOutcome(Code::DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
  const Expected garbled = UnknownOutcome(Code::UNAVAILABLE, "UPSTREAM_PROTOCOL_ERROR");
  return {
      // The connection.
      {"Fin", CloseWithoutResponse(), "none", lost, kAfterUnknown},
      {"Reset", ResetWithoutResponse(), "none", lost, kAfterUnknown},
      {"HalfAStatusLine", RespondAndClose("HTTP/1.1 20"), "none", lost, kAfterUnknown},
      {"Silence", Hang(), "none", timeout, kAfterUnknown},
      // An interim response is none.
      {"InterimThenSilence", RespondAndStall(kEarlyHints), "none", timeout, kAfterUnknown},
      {"InterimThenFin", RespondAndClose(kEarlyHints), "none", lost, kAfterUnknown},
      {"InterimThenSuccess", Respond(std::string(kEarlyHints) + HttpReply(204)), "2xx", kPerformed,
       kNever},
      // A success that the upstream does not finish is none, either.
      {"SuccessThenSilence", RespondAndStall("HTTP/1.1 200 X\r\ncontent-length: 10\r\n\r\n"),
       "none", timeout, kAfterUnknown},
      {"HalfASuccessThenSilence",
       RespondAndStall("HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 10\r\n"
                       "\r\n{\"a\""),
       "none", timeout, kAfterUnknown},
      {"EndlessSuccess", RespondSlowly("HTTP/1.1 200 X\r\n\r\n" + std::string(1000, ' '), 10ms),
       "none", timeout, kAfterUnknown},
      {"HeaderThenSilence", RespondAndStall("HTTP/1.1 204 X\r\nx-a: b\r\n"), "none", timeout,
       kAfterUnknown},
      {"Garbage", RespondAndClose("\x16\x03\x01 this is not HTTP\r\n\r\n"), "none", garbled,
       kAfterUnknown},
      // The status line has arrived and decides, whatever follows.
      {"EndlessHeaders", EndlessHeaders(), "2xx", kPerformed, kNever},
      {"RefusalThenSilence", RespondAndStall("HTTP/1.1 401 X\r\ncontent-length: 10\r\n\r\n"), "4xx",
       NotPerformed(Code::UNAUTHENTICATED, "UPSTREAM_UNAUTHENTICATED", "error"), kNever},
      {"FailureThenSilence", RespondAndStall("HTTP/1.1 502 X\r\ncontent-length: 10\r\n\r\n"), "5xx",
       UnknownOutcome(Code::UNAVAILABLE, "UPSTREAM_UNAVAILABLE"), kAfterUnknown},

      // Responses of intermediaries.
      {"Html200", Html(200), "2xx",
       UnknownOutcome(Code::UNKNOWN, "UPSTREAM_UNEXPECTED_RESPONSE", "error"), kNever},
      {"Http202", Html(202), "2xx",
       UnknownOutcome(Code::UNKNOWN, "UPSTREAM_UNEXPECTED_RESPONSE", "error"), kNever},
      {"Http301", Html(301), "3xx",
       NotPerformed(Code::INTERNAL, "UPSTREAM_UNEXPECTED_REDIRECT", "error"), kNever},
      {"Html404", Html(404), "4xx",
       NotPerformed(Code::UNAVAILABLE, "UPSTREAM_UNRECOGNIZED_404", "error"), kNever},
      {"FrameworksOwn404", Respond(HttpReply(404, R"({"detail": "Not Found"})")), "4xx",
       NotPerformed(Code::UNAVAILABLE, "UPSTREAM_UNRECOGNIZED_404", "error"), kNever},
      {"Http408", Html(408), "4xx", UnknownOutcome(Code::UNAVAILABLE, "UPSTREAM_TIMEOUT"),
       kAfterUnknown},
      {"Http425", Html(425), "4xx",
       NotPerformed(Code::UNAVAILABLE, "UPSTREAM_UNAVAILABLE", "warning"), kAfterNotPerformed},
      {"Http499", Html(499), "4xx", UnknownOutcome(Code::CANCELLED, "UPSTREAM_CANCELLED"), kNever},
      {"Html500", Html(500), "5xx",
       UnknownOutcome(Code::INTERNAL, "UPSTREAM_INTERNAL_ERROR", "error"), kAfterUnknown},
      {"Html502", Html(502), "5xx", UnknownOutcome(Code::UNAVAILABLE, "UPSTREAM_UNAVAILABLE"),
       kAfterUnknown},
      {"Html503", Html(503), "5xx", UnknownOutcome(Code::UNAVAILABLE, "UPSTREAM_UNAVAILABLE"),
       kAfterUnknown},
      {"Html504", Html(504), "5xx", UnknownOutcome(Code::DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT"),
       kAfterUnknown},
      {"Http520", Html(520), "5xx", UnknownOutcome(Code::UNAVAILABLE, "UPSTREAM_UNAVAILABLE"),
       kAfterUnknown},

      // Responses of the API.
      {"Api400", Api(400, "validation.invalid_request"), "4xx",
       NotPerformed(Code::INVALID_ARGUMENT, "VALIDATION_INVALID_REQUEST"), kNever},
      {"Api401", Api(401, "auth.expired_key"), "4xx",
       NotPerformed(Code::UNAUTHENTICATED, "AUTH_EXPIRED_KEY", "error"), kNever},
      {"Api403", Api(403, "auth.insufficient_permissions"), "4xx",
       NotPerformed(Code::PERMISSION_DENIED, "AUTH_INSUFFICIENT_PERMISSIONS", "error"), kNever},
      {"Api404",
       Api(404, "resource.not_found"),
       "4xx",
       {Code::NOT_FOUND, "absent", "RESOURCE_NOT_FOUND", "info"},
       kNever},
      {"Api409", Api(409, "resource.conflict"), "4xx",
       NotPerformed(Code::ABORTED, "RESOURCE_CONFLICT"), kNever},
      {"Api429", Api(429, "quota.limit_exceeded"), "4xx",
       NotPerformed(Code::RESOURCE_EXHAUSTED, "QUOTA_LIMIT_EXCEEDED"), kNever},
      {"Api429WithATime", Api(429, "quota.limit_exceeded", "retry-after-ms: 20\r\n"), "4xx",
       NotPerformed(Code::RESOURCE_EXHAUSTED, "QUOTA_LIMIT_EXCEEDED"), kAfterNotPerformed},
      {"Api500", Api(500, "server.internal_error"), "5xx",
       UnknownOutcome(Code::INTERNAL, "SERVER_INTERNAL_ERROR", "error"), kAfterUnknown},
      {"Api503", Api(503, "server.busy"), "5xx",
       NotPerformed(Code::UNAVAILABLE, "SERVER_BUSY", "warning"), kAfterNotPerformed},
  };
}

struct Cell {
  Fault fault;
  bool reused;
  const char* follow_up;
  Script next;  // the response to the next attempt
  int attempts;
  Expected expected;
};

void PrintTo(const Cell& cell, std::ostream* os) { *os << cell.fault.name; }

std::vector<Cell> Cells() {
  std::vector<Cell> cells;
  for (const Fault& fault : Faults()) {
    for (const bool reused : {false, true}) {
      const auto add = [&](const char* follow_up, Script next, int attempts, Expected expected) {
        cells.push_back({fault, reused, follow_up, std::move(next), attempts, expected});
      };
      const Script deletes = Respond(HttpReply(204));
      add("NoSendLeft", deletes, 1, fault.last);
      if (!fault.followed.has_value()) {
        add("NeverSentAgain", deletes, 3, fault.last);
        continue;
      }
      add("ThenDeleted", deletes, 2, fault.followed->by_success);
      add("ThenAbsent", Api(404, "resource.not_found"), 2, fault.followed->by_absence);
      add("ThenRefused", Api(401, "auth.invalid_key"), 2, fault.followed->by_refusal);
    }
  }
  return cells;
}

class FaultMatrixTest : public ::testing::TestWithParam<Cell> {};

TEST_P(FaultMatrixTest, ResponseAttemptsLogAndMetrics) {
  const Cell& cell = GetParam();
  std::vector<Script> scripts = {cell.fault.script, cell.next};
  if (cell.reused) scripts.insert(scripts.begin(), Respond(HttpReply(204)));
  ScriptedUpstream upstream(InOrder(std::move(scripts)));
  GatewayProcess gateway(
      {.upstream = upstream.url(),
       .flags = {"--max-attempts", std::to_string(cell.attempts), "--upstream-timeout", "500ms",
                 "--retry-initial-backoff", "1ms"}});
  const DeleteClient client(gateway.grpc_address());
  if (cell.reused) {
    ASSERT_THAT(client.Delete(), HasCode(StatusCode::OK));
  }
  const std::size_t before = upstream.requests().size();

  const DeleteReply reply = client.Delete({.metadata = {{"x-request-id", "the-call"}}});
  const int attempts = cell.fault.followed.has_value() ? cell.attempts : 1;

  ASSERT_EQ(upstream.requests().size(), before + static_cast<std::size_t>(attempts));
  if (cell.reused) {
    ASSERT_EQ(upstream.requests().at(before).nth_on_connection, 1)
        << "the connection was not reused";
  }
  EXPECT_THAT(reply, HasCode(cell.expected.code));
  EXPECT_THAT(reply, HasDeletion(cell.expected.deletion));
  if (cell.expected.code != StatusCode::OK) {
    EXPECT_THAT(reply, HasReason(cell.expected.reason));
    EXPECT_THAT(reply, HasAttempts(attempts));
    EXPECT_THAT(reply, IsWellFormedError());
  }

  const auto line = gateway.WaitForAccessLine("the-call");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->value("level", ""), cell.expected.level);
  EXPECT_EQ(line->value("deletion", ""), cell.expected.deletion);
  EXPECT_EQ(line->value("reason", ""), cell.expected.reason);
  EXPECT_EQ(line->value("sends", -1), attempts);

  const double performed_before = cell.reused ? 1 : 0;
  const bool performed = std::string_view(cell.expected.deletion) == "performed";
  EXPECT_EQ(gateway.Metric("gateway_deletions_total",
                           {"deletion=\"" + std::string(cell.expected.deletion) + "\""}),
            performed ? performed_before + 1 : 1);
  EXPECT_EQ(gateway.Metric("gateway_retries_total"), attempts - 1);
  EXPECT_GE(gateway.Metric(
                "http_client_request_duration_seconds_count",
                {"http_response_status_class=\"" + std::string(cell.fault.status_class) + "\""}),
            1);
}

INSTANTIATE_TEST_SUITE_P(Matrix, FaultMatrixTest, ::testing::ValuesIn(Cells()),
                         [](const auto& param) {
                           return std::string(param.param.fault.name) +
                                  (param.param.reused ? "_OnReusedConnection_"
                                                      : "_OnNewConnection_") +
                                  param.param.follow_up;
                         });

// Faults before there is a connection.
struct NoConnection {
  const char* name;
  std::string upstream;
  const char* reason;
  const char* event;  // a part of the event that says why; empty: any
  const char* connect_timeout = "20s";
};

class NoConnectionTest : public ::testing::TestWithParam<int> {};

TEST_P(NoConnectionTest, MakesNoAttempt) {
  const RefusingPort nobody;
  const UnresponsivePort deaf;
  ScriptedUpstream::Options plain;
  plain.on_connect = [](UpstreamConnection& connection) {
    connection.Write("this is not TLS\r\n");
    connection.Close();
  };
  const ScriptedUpstream plaintext(Hang(), plain);
  ScriptedUpstream::Options mute;
  mute.on_connect = [](UpstreamConnection& connection) { connection.WaitForPeerToClose(); };
  const ScriptedUpstream silent(Hang(), mute);
  const NoConnection rows[] = {
      {"Refused", nobody.url(), "UPSTREAM_CONNECT_FAILED", "Connection refused"},
      {"Unconnected", deaf.url(), "UPSTREAM_CONNECT_FAILED", "no connection in time", "300ms"},
      {"Unresolved", "http://no-such-host.invalid/v2", "UPSTREAM_RESOLVE_FAILED", ""},
      {"NoTls", "https://127.0.0.1:" + std::to_string(plaintext.port()) + "/v2",
       "UPSTREAM_TLS_FAILED", "wrong version number"},
      {"NoHandshake", "https://127.0.0.1:" + std::to_string(silent.port()) + "/v2",
       "UPSTREAM_CONNECT_FAILED", "no connection in time", "300ms"},
  };
  const int attempts = GetParam();
  for (const NoConnection& row : rows) {
    SCOPED_TRACE(row.name);
    GatewayProcess gateway({.upstream = row.upstream,
                            .flags = {"--max-attempts", std::to_string(attempts),
                                      "--retry-initial-backoff", "1ms", "--upstream-timeout", "20s",
                                      "--upstream-connect-timeout", row.connect_timeout}});
    const DeleteReply reply =
        DeleteClient(gateway.grpc_address()).Delete({.metadata = {{"x-request-id", "the-call"}}});
    EXPECT_THAT(reply, HasCode(StatusCode::UNAVAILABLE));
    EXPECT_THAT(reply, HasReason(row.reason));
    EXPECT_THAT(reply, HasDeletion("not_performed"));
    EXPECT_THAT(reply, HasAttempts(attempts));
    EXPECT_THAT(reply, HasInfo("retry_stopped", "attempts"));
    const auto event = gateway.WaitForEvent("upstream_unreachable", row.event);
    ASSERT_TRUE(event.has_value());
    EXPECT_THAT(*event, HasSubstr(row.reason));
    const auto line = gateway.WaitForAccessLine("the-call");
    ASSERT_TRUE(line.has_value());
    EXPECT_EQ(line->value("level", ""), "warning");
    EXPECT_EQ(line->value("retry_stopped", ""), "attempts");
    EXPECT_EQ(gateway.Metric("gateway_deletions_total", {"deletion=\"not_performed\""}), 1);
    EXPECT_EQ(gateway.Metric("gateway_retries_total"), attempts - 1);
    EXPECT_EQ(gateway.Metric("http_client_request_duration_seconds_count",
                             {"http_response_status_class=\"none\""}),
              attempts);
    EXPECT_EQ(gateway.Metric("gateway_upstream_connections_open"), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Attempts, NoConnectionTest, ::testing::Values(1, 3),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace evalrun::testing
