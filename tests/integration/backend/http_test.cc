// HTTP itself, byte by byte: what a good server does with odd, hostile and hurried clients.
#include <signal.h>

#include <ostream>
#include <sstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "tests/integration/backend/backend_process.h"
#include "tests/integration/backend/case_name.h"
#include "tests/integration/backend/raw_connection.h"

namespace evalrun::backend {
namespace {

class Http : public testing::Test {
 protected:
  Http() { EXPECT_NE(backend_.WaitForPort(), 0); }

  TempDirectory directory_;
  BackendProcess backend_{directory_};
};

const std::string kHost = "Host: x\r\n";
const std::string kKey = std::string("x-api-key: ") + ids::kKey + "\r\n";
const std::string kRunPath = std::string("/v2/eval-runs/") + ids::kRun;
const std::string kHealth = "GET /health/ HTTP/1.1\r\n" + kHost + "\r\n";
const std::string kCreateBody =
    std::string(R"({"eval_uuid":")") + ids::kEval + R"(","responses":[]})";

struct WireCase {
  const char* name;
  std::string request;
  std::string status;    // of the first answer
  std::string contains;  // in it
  bool stays_open;       // a health check on the same connection is answered with 200

  friend void PrintTo(const WireCase& c, std::ostream* out) { *out << c.name; }
};

class Wire : public Http, public testing::WithParamInterface<WireCase> {};

TEST_P(Wire, IsAnsweredAndTheConnectionIsInStep) {
  const WireCase& c = GetParam();
  const RawConnection connection(backend_.port());
  connection.Send(c.request);
  const std::string answer = connection.ReadAnswers(1);
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 " + c.status) << answer;
  EXPECT_NE(answer.find(c.contains), std::string::npos) << answer;
  EXPECT_NE(answer.find("x-request-id: "), std::string::npos) << answer;
  if (c.stays_open) {
    connection.Send(kHealth);
    EXPECT_EQ(connection.ReadAnswers(1).substr(0, 12), "HTTP/1.1 200");
  } else {
    EXPECT_NE(answer.find("Connection: close"), std::string::npos) << answer;
    EXPECT_TRUE(connection.AtEnd());
  }
}

std::string Chunked(const std::string& body) {
  std::ostringstream text;
  text << std::hex << body.size() << "\r\n" << body << "\r\n0\r\n\r\n";
  return text.str();
}

INSTANTIATE_TEST_SUITE_P(
    Table, Wire,
    testing::Values(
        WireCase{"UnknownPath", "GET /nope HTTP/1.1\r\n" + kHost + "\r\n", "404",
                 R"({"detail":"Not Found"})", true},
        WireCase{"UnknownPathIsUnknownWithoutAKey",
                 "DELETE /v2/evals/x HTTP/1.1\r\n" + kHost + "\r\n", "404",
                 R"({"detail":"Not Found"})", true},
        WireCase{"EncodedSlashIsASlash",
                 "DELETE /v2/eval-runs/a%2Fb HTTP/1.1\r\n" + kHost + kKey + "\r\n", "404",
                 R"({"detail":"Not Found"})", true},
        WireCase{"PutOnARun",
                 "PUT " + kRunPath + " HTTP/1.1\r\n" + kHost + "Content-Length: 2\r\n\r\n{}", "405",
                 "Allow: DELETE, GET", false},
        WireCase{"PostOnARunWithoutBody", "POST " + kRunPath + " HTTP/1.1\r\n" + kHost + "\r\n",
                 "405", "Allow: DELETE, GET", true},
        WireCase{"HeadOnARun",
                 "HEAD " + kRunPath + " HTTP/1.1\r\n" + kHost + "Connection: close\r\n\r\n", "405",
                 "Allow: DELETE, GET", false},
        WireCase{"DeleteOnTheCollection", "DELETE /v2/eval-runs HTTP/1.1\r\n" + kHost + "\r\n",
                 "405", "Allow: GET, POST", true},
        WireCase{"TraceOnHealth", "TRACE /health/ HTTP/1.1\r\n" + kHost + "\r\n", "405",
                 "Allow: GET", true},
        WireCase{"DeleteLikeTheVendorsClient",
                 "DELETE " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey +
                     "Accept: */*\r\nContent-Type: application/json\r\n\r\n",
                 "204", "", true},
        WireCase{
            "DeleteWithBody",
            "DELETE " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey + "Content-Length: 2\r\n\r\n{}",
            "204", "", true},
        WireCase{"DeleteWithChunkedBody",
                 "DELETE " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey +
                     "Transfer-Encoding: chunked\r\n\r\n" + Chunked("{}"),
                 "204", "", true},
        WireCase{"GetWithBody",
                 "GET " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey + "Content-Length: 2\r\n\r\n{}",
                 "200", ids::kRun, false},
        WireCase{"PostWithChunkedBody",
                 "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey +
                     "Transfer-Encoding: chunked\r\n\r\n" + Chunked(kCreateBody),
                 "200", "\"created\"", true},
        WireCase{"PostWithoutLength", "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey + "\r\n",
                 "400", "validation.invalid_request", true},
        WireCase{"RangeIsIgnored",
                 "GET " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey + "Range: bytes=0-3\r\n\r\n",
                 "200", ids::kRun, true},
        WireCase{"NoHost", "GET /health/ HTTP/1.1\r\n\r\n", "400", "Host", false},
        WireCase{"TwoLengths",
                 "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey +
                     "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
                 "400", "Content-Length", false},
        WireCase{"LengthAndEncoding",
                 "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey +
                     "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + Chunked("{}"),
                 "400", "Transfer-Encoding", false},
        WireCase{"NoHttp", "hello\r\n\r\n", "400", R"({"detail":"Bad Request"})", false},
        WireCase{"LongTarget",
                 "GET /v2/eval-runs/" + std::string(9000, 'a') + " HTTP/1.1\r\n" + kHost + "\r\n",
                 "414", "URI Too Long", false},
        WireCase{"OversizedHead",
                 "GET /health/ HTTP/1.1\r\n" + kHost + "a: " + std::string(40000, 'a') + "\r\n\r\n",
                 "431", "Too Large", false},
        WireCase{"OversizedBody",
                 "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey +
                     "Content-Length: 8388609\r\n\r\n" + std::string(8388609, ' '),
                 "413", "Payload Too Large", true},
        WireCase{"Http10", "GET /health/ HTTP/1.0\r\n\r\n", "200", "ok", false},
        WireCase{"CloseInAnyCase",
                 "GET /health/ HTTP/1.1\r\n" + kHost + "connection: Close\r\n\r\n", "200", "ok",
                 false}),
    CaseName());

struct RequestIdCase {
  const char* name;
  std::string given;
  bool honoured;

  friend void PrintTo(const RequestIdCase& c, std::ostream* out) { *out << c.name; }
};

class RequestIds : public Http, public testing::WithParamInterface<RequestIdCase> {};

TEST_P(RequestIds, AreHonouredWhereWellFormed) {
  const RawConnection connection(backend_.port());
  connection.Send("GET " + kRunPath + " HTTP/1.1\r\n" + kHost +
                  "x-request-id: " + GetParam().given + "\r\n\r\n");
  const std::string answer = connection.ReadAnswers(1);
  EXPECT_EQ(answer.find("x-request-id: " + GetParam().given + "\r\n") != std::string::npos,
            GetParam().honoured)
      << answer;
  EXPECT_EQ(answer.find("\"request_id\":\"" + GetParam().given + "\"") != std::string::npos,
            GetParam().honoured)
      << answer;
  EXPECT_EQ(answer.find("\r\nInjected"), std::string::npos) << answer;
  EXPECT_EQ(answer.find("\"request_id\":\"\""), std::string::npos) << answer;
}

INSTANTIATE_TEST_SUITE_P(Table, RequestIds,
                         testing::Values(RequestIdCase{"Uuid", ids::kRun, true},
                                         RequestIdCase{"Word", "req_1.a-B", true},
                                         RequestIdCase{"Longest", std::string(128, 'a'), true},
                                         RequestIdCase{"TooLong", std::string(129, 'a'), false},
                                         RequestIdCase{"Quote", "a\"b", false},
                                         RequestIdCase{"EncodedLineEnd", "a%0d%0aInjected: 1",
                                                       false}),
                         CaseName());

TEST_F(Http, AConnectionTakesManyRequests) {
  const RawConnection connection(backend_.port());
  for (int i = 0; i < 300; ++i) {
    connection.Send(kHealth);
    ASSERT_EQ(connection.ReadAnswers(1).substr(0, 12), "HTTP/1.1 200") << "request " << i;
  }
}

TEST_F(Http, PipelinedRequestsAreAllAnsweredInOrder) {
  const RawConnection connection(backend_.port());
  const std::string remove = "DELETE " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey + "\r\n";
  connection.Send(remove + remove + "GET /nope HTTP/1.1\r\n" + kHost + "\r\n" + kHealth);
  const std::string answers = connection.ReadAnswers(4);
  EXPECT_EQ(RawConnection::Count(answers, "HTTP/1.1 "), 4) << answers;
  EXPECT_LT(answers.find("HTTP/1.1 204"), answers.find("resource.not_found"));
  EXPECT_LT(answers.find("resource.not_found"), answers.find(R"({"detail":"Not Found"})"));
  EXPECT_LT(answers.find(R"({"detail":"Not Found"})"), answers.find("HTTP/1.1 200"));
}

TEST_F(Http, ASlowClientIsWaitedFor) {
  const RawConnection connection(backend_.port());
  const std::string request = "DELETE " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey + "\r\n";
  for (const char c : request) {
    connection.Send(std::string(1, c));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(connection.ReadAnswers(1).substr(0, 12), "HTTP/1.1 204");
}

TEST_F(Http, ARequestThatIsArrivingWhenTheServerStopsIsAnsweredAsUnavailable) {
  const RawConnection connection(backend_.port());
  const std::string request = "DELETE " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey + "\r\n";
  connection.Send(request.substr(0, 20));
  // On a connection of its own: once this is answered, the server has read the first half too.
  const RawConnection other(backend_.port());
  other.Send(kHealth);
  ASSERT_EQ(other.ReadAnswers(1).substr(0, 12), "HTTP/1.1 200");
  backend_.Signal(SIGTERM);
  while (backend_.ReadLine().find("\"stopping\"") == std::string::npos) {
  }
  ASSERT_TRUE(other.AtEnd()) << "idle connections are closed at once";
  connection.Send(request.substr(20));
  const std::string answer = connection.ReadAnswers(1);
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 503") << answer;
  EXPECT_NE(answer.find("server.unavailable"), std::string::npos) << answer;
  EXPECT_EQ(backend_.Wait().exit_status, 0);
}

}  // namespace
}  // namespace evalrun::backend
