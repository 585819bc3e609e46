// SPDX-License-Identifier: Apache-2.0
//
// The effect of each fault on the connection and on the run, byte by byte.
#include <signal.h>

#include <chrono>
#include <ostream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "tests/integration/backend/case_name.h"
#include "tests/integration/backend/fault_backend.h"
#include "tests/integration/backend/page_shape.h"
#include "tests/integration/backend/raw_connection.h"

namespace evalrun::backend {
namespace {

struct EndingCase {
  const char* name;
  const char* members;   // members of the rule
  std::string received;  // everything received, and how the connection ended
  bool carried_out;

  friend void PrintTo(const EndingCase& c, std::ostream* out) { *out << c.members; }
};

class Endings : public FaultBackend, public testing::WithParamInterface<EndingCase> {};

TEST_P(Endings, EndAsScripted) {
  const EndingCase& c = GetParam();
  PutRule(c.members + std::string(R"(, "count": 1)"));
  const RawConnection connection(backend_.port());
  connection.Send(DeleteRequest());
  EXPECT_EQ(connection.ReadToEnd(), c.received);
  EXPECT_EQ(RunIsThere(), !c.carried_out);
  EXPECT_EQ(Report()["rules"][0]["applied"], 1);
}

const std::string kGarbage = "\x15\x03\x01\x02\x02\x16garbage\r\n\r\n\xFF\xFE FIN";

INSTANTIATE_TEST_SUITE_P(
    Table, Endings,
    testing::Values(
        EndingCase{"BeforeReading", R"("fault": "drop_before_reading")", " FIN", false},
        EndingCase{"BeforeReadingReset", R"("fault": "drop_before_reading", "reset": true)", " RST",
                   false},
        EndingCase{"AfterReading", R"("fault": "drop_after_reading")", " FIN", false},
        EndingCase{"AfterReadingReset", R"("fault": "drop_after_reading", "reset": true)", " RST",
                   false},
        EndingCase{"AfterCommit", R"("fault": "drop_after_commit")", " FIN", true},
        EndingCase{"AfterCommitReset", R"("fault": "drop_after_commit", "reset": true)", " RST",
                   true},
        EndingCase{"MidResponse", R"("fault": "drop_mid_response")", "HTTP/1.1 2 FIN", true},
        EndingCase{"MidResponseReset", R"("fault": "drop_mid_response", "reset": true)",
                   "HTTP/1.1 2 RST", true},
        EndingCase{"MidResponseAfterTheStatusLine", R"("fault": "drop_mid_response", "bytes": 25)",
                   "HTTP/1.1 204 No Content\r\n FIN", true},
        EndingCase{"Garbage", R"("fault": "garbage")", kGarbage, false},
        EndingCase{"GarbageAfterCommit", R"("fault": "garbage", "commit": true)", kGarbage, true},
        EndingCase{
            "Respond",
            R"("fault": "respond", "status": 502, "body": "<h1>",
                      "headers": {"Connection": "close"})",
            "HTTP/1.1 502 Scripted\r\nConnection: close\r\nContent-Length: 4\r\n\r\n<h1> FIN",
            false},
        EndingCase{"RespondAfterCommit",
                   R"("fault": "respond", "status": 404, "commit": true,
                      "headers": {"Connection": "close", "Content-Length": "9"})",
                   "HTTP/1.1 404 Scripted\r\nConnection: close\r\nContent-Length: 9\r\n\r\n FIN",
                   true}),
    CaseName());

TEST_F(FaultBackend, TruncatedResponseLacksTheLastByte) {
  PutRule(R"("fault": "drop_mid_response", "bytes": 1000000)");
  const RawConnection connection(backend_.port());
  connection.Send(DeleteRequest());
  const std::string received = connection.ReadToEnd();
  EXPECT_TRUE(received.ends_with("\r\n\r FIN")) << received;
}

TEST_F(FaultBackend, ConnectionIsReusableAfterScriptedResponse) {
  PutRule(R"("fault": "respond", "status": 503, "body": "busy", "count": 2)");
  const RawConnection connection(backend_.port());
  connection.Send(DeleteRequest() + DeleteRequest() + DeleteRequest());
  const std::string responses = connection.ReadResponses(3);
  EXPECT_EQ(RawConnection::Count(responses, "HTTP/1.1 503"), 2) << responses;
  EXPECT_EQ(RawConnection::Count(responses, "HTTP/1.1 204"), 1) << responses;
}

TEST_F(FaultBackend, DropBeforeReadingKeepsEarlierResponses) {
  PutRule(R"("fault": "drop_before_reading", "skip": 1)");
  const RawConnection connection(backend_.port());
  connection.Send("GET /health/ HTTP/1.1\r\nHost: x\r\n\r\n" + DeleteRequest());
  const std::string received = connection.ReadToEnd();
  EXPECT_EQ(RawConnection::Count(received, "HTTP/1.1 200"), 1) << received;
  EXPECT_EQ(RawConnection::Count(received, "HTTP/1.1 "), 1) << received;
  EXPECT_EQ(Report()["rules"][0]["matched"], 2);
}

TEST_F(FaultBackend, ClientDisconnectIsNotAnUnreadRequest) {
  PutRule(R"("fault": "drop_before_reading")");
  { const RawConnection connection(backend_.port()); }
  const RawConnection connection(backend_.port());
  connection.Send(DeleteRequest());
  EXPECT_TRUE(connection.AtEnd());
  EXPECT_EQ(Report()["rules"][0]["matched"], 1);
}

TEST_F(FaultBackend, DelayedResponseIsReal) {
  PutRule(R"("fault": "delay", "delay_ms": 50, "method": "DELETE")");
  const RawConnection connection(backend_.port());
  const auto begun = std::chrono::steady_clock::now();
  connection.Send(DeleteRequest());
  EXPECT_EQ(connection.ReadResponses(1).substr(0, 12), "HTTP/1.1 204");
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(50));
}

TEST_F(FaultBackend, DelayBeforeCommitIsAbortedOnShutdown) {
  PutRule(R"("fault": "delay", "delay_ms": 3600000, "method": "DELETE")");
  const RawConnection connection(backend_.port());
  connection.Send(DeleteRequest());
  while (Report()["rules"][0]["applied"] != 1) std::this_thread::yield();
  EXPECT_TRUE(RunIsThere());
  EXPECT_TRUE(connection.Silent());
  backend_.Signal(SIGTERM);
  EXPECT_EQ(connection.ReadResponses(1).substr(0, 12), "HTTP/1.1 503");
  EXPECT_EQ(backend_.Wait().exit_status, 0);
}

TEST_F(FaultBackend, DelayAfterCommitDelaysOnlyTheResponse) {
  PutRule(R"("fault": "delay", "delay_ms": 3600000, "method": "DELETE", "commit": true)");
  const RawConnection connection(backend_.port());
  connection.Send(DeleteRequest());
  while (RunIsThere()) std::this_thread::yield();
  EXPECT_TRUE(connection.Silent());
  backend_.Signal(SIGTERM);
  EXPECT_EQ(connection.ReadResponses(1).substr(0, 12), "HTTP/1.1 204");
  EXPECT_EQ(backend_.Wait().exit_status, 0);
}

TEST_F(FaultBackend, HeldRequestRunsOnRelease) {
  PutRule(R"("fault": "hold", "method": "DELETE")");
  const RawConnection connection(backend_.port());
  connection.Send(DeleteRequest());
  WaitUntilHeld(1);
  EXPECT_TRUE(RunIsThere());
  EXPECT_TRUE(connection.Silent());
  EXPECT_EQ(backend_.ConnectAdmin().Post("/faults/release")->body, "{\"released\":1}\n");
  EXPECT_EQ(connection.ReadResponses(1).substr(0, 12), "HTTP/1.1 204");
  EXPECT_FALSE(RunIsThere());
}

TEST_F(FaultBackend, ResponseHeldAfterCommitIsReal) {
  PutRule(R"("fault": "hold", "method": "DELETE", "commit": true)");
  const RawConnection connection(backend_.port());
  connection.Send(DeleteRequest());
  WaitUntilHeld(1);
  EXPECT_FALSE(RunIsThere());
  EXPECT_TRUE(connection.Silent());
  static_cast<void>(backend_.ConnectAdmin().Post("/faults/release"));
  EXPECT_EQ(connection.ReadResponses(1).substr(0, 12), "HTTP/1.1 204");
}

TEST_F(FaultBackend, ReleaseDoesNotAffectLaterRequests) {
  PutRule(R"("fault": "hold", "method": "DELETE")");
  const RawConnection first(backend_.port());
  const RawConnection second(backend_.port());
  first.Send(DeleteRequest());
  WaitUntilHeld(1);
  static_cast<void>(backend_.ConnectAdmin().Post("/faults/release"));
  EXPECT_EQ(first.ReadResponses(1).substr(0, 12), "HTTP/1.1 204");
  second.Send(DeleteRequest());
  WaitUntilHeld(1);
  EXPECT_TRUE(second.Silent());
}

TEST_F(FaultBackend, HeldRequestIsDroppedOnDisconnect) {
  PutRule(R"("fault": "hold", "method": "DELETE")");
  const RawConnection connection(backend_.port());
  connection.Send(DeleteRequest());
  WaitUntilHeld(1);
  connection.FinishSending();
  EXPECT_TRUE(connection.AtEnd()) << "the server still holds the request";
  EXPECT_EQ(Report()["held"], 0);
  EXPECT_TRUE(RunIsThere());
}

TEST_F(FaultBackend, HeldRequestIsRejectedOnShutdown) {
  PutRule(R"("fault": "hold", "method": "DELETE")");
  std::thread caller([&] {
    ExpectDocumentedError(backend_.Connect().Delete(std::string("/v2/eval-runs/") + ids::kRun,
                                                    httplib::Headers{{"x-api-key", ids::kKey}}),
                          503, "server.unavailable");
  });
  WaitUntilHeld(1);
  backend_.Signal(SIGTERM);
  caller.join();
  EXPECT_EQ(backend_.Wait().exit_status, 0);
}

struct RestartCase {
  const char* name;
  const char* commit;
  bool carried_out;

  friend void PrintTo(const RestartCase& c, std::ostream* out) { *out << c.name; }
};

class Restarts : public FaultBackend, public testing::WithParamInterface<RestartCase> {};

TEST_P(Restarts, KeepStateButLoseRequestsInFlight) {
  static_cast<void>(backend_.ConnectAdmin().Put("/faults",
                                                std::string(R"({"rules": [
        {"name": "held", "path": "/health/", "fault": "hold", "count": 1},
        {"name": "crash", "method": "DELETE", "fault": "restart", "count": 1, "commit": )") +
                                                    GetParam().commit + "}]}",
                                                "application/json"));
  const int port = backend_.port();
  const int admin_port = backend_.admin_port();
  const RawConnection in_flight(port);
  in_flight.Send("GET /health/ HTTP/1.1\r\nHost: x\r\n\r\n");
  WaitUntilHeld(1);
  const RawConnection connection(port);
  connection.Send(DeleteRequest());
  EXPECT_TRUE(connection.AtEnd());
  EXPECT_TRUE(in_flight.AtEnd());

  EXPECT_NE(backend_.ReadLine().find("\"restarting\""), std::string::npos);
  EXPECT_EQ(backend_.WaitForPort(), port);
  EXPECT_EQ(backend_.admin_port(), admin_port);
  EXPECT_EQ(RunIsThere(), !GetParam().carried_out);
  const RawConnection again(port);
  again.Send(DeleteRequest());
  EXPECT_EQ(again.ReadResponses(1).substr(0, 12),
            GetParam().carried_out ? "HTTP/1.1 404" : "HTTP/1.1 204");
  EXPECT_EQ(Report()["rules"][1]["matched"], 2) << Report();
  EXPECT_EQ(Report()["rules"][1]["applied"], 1) << Report();
  EXPECT_EQ(Report()["held"], 0);

  backend_.Signal(SIGTERM);
  EXPECT_EQ(backend_.Wait().exit_status, 0);
}

INSTANTIATE_TEST_SUITE_P(Table, Restarts,
                         testing::Values(RestartCase{"Undone", "false", false},
                                         RestartCase{"Done", "true", true}),
                         CaseName());

// The restart fault comes after the signal: the rest of the request is sent when the process has
// begun to stop.
TEST_F(FaultBackend, TerminatedProcessDoesNotRestart) {
  PutRule(R"("fault": "restart", "method": "DELETE")");
  const RawConnection connection(backend_.port());
  const std::string request = DeleteRequest();
  connection.Send(request.substr(0, request.size() / 2));
  // Its response shows that the first half of the request has arrived.
  const RawConnection another(backend_.port());
  another.Send("GET /health/ HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(another.ReadResponses(1).substr(0, 12), "HTTP/1.1 200");
  backend_.Signal(SIGTERM);
  EXPECT_NE(backend_.ReadLine().find("\"stopping\""), std::string::npos);
  connection.Send(request.substr(request.size() / 2));
  EXPECT_TRUE(connection.AtEnd());
  ASSERT_NE(backend_.ReadLine().find("\"stopped\""), std::string::npos);
  EXPECT_EQ(backend_.Wait().exit_status, 0);
}

TEST_F(FaultBackend, RestartsRepeatedly) {
  constexpr int kTimes = 5;
  PutRule(R"("fault": "restart", "method": "DELETE", "count": 5)");
  for (int i = 0; i < kTimes; ++i) {
    const RawConnection connection(backend_.port());
    connection.Send(DeleteRequest());
    EXPECT_TRUE(connection.AtEnd());
    EXPECT_NE(backend_.ReadLine().find("\"restarting\""), std::string::npos);
    ASSERT_NE(backend_.WaitForPort(), 0);
  }
  const RawConnection connection(backend_.port());
  connection.Send(DeleteRequest());
  EXPECT_EQ(connection.ReadResponses(1).substr(0, 12), "HTTP/1.1 204");
}

}  // namespace
}  // namespace evalrun::backend
