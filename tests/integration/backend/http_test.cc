// SPDX-License-Identifier: Apache-2.0
//
// HTTP, byte by byte: the responses to unusual and malicious requests.
#include <ostream>
#include <string>

#include <gtest/gtest.h>
#include <httplib.h>

#include "tests/integration/backend/case_name.h"
#include "tests/integration/backend/http_fixture.h"
#include "tests/integration/backend/raw_connection.h"

namespace evalrun::backend {
namespace {

// What is expected depends on cpp-httplib's version. 0.41 keeps the trailers of a chunked body
// apart from the head, and drops those that the head does not announce: with earlier versions a
// request with trailers gets 400. It also refuses more heads by itself, without saying why.
template <typename Request>
constexpr bool kKeepsTrailersApart = requires(const Request& request) {
  request.trailers;
};
constexpr bool kIsHttplib041 = kKeepsTrailersApart<httplib::Request>;

struct WireCase {
  const char* name;
  std::string request;
  std::string status;    // of the first response
  std::string contains;  // part of it
  bool stays_open;       // a health check on the same connection then gets 200

  friend void PrintTo(const WireCase& c, std::ostream* out) { *out << c.name; }
};

class Wire : public Http, public testing::WithParamInterface<WireCase> {};

TEST_P(Wire, IsAnsweredAndConnectionStaysInSync) {
  const WireCase& c = GetParam();
  const RawConnection connection(backend_.port());
  connection.Send(c.request);
  const std::string response = connection.ReadResponses(1);
  EXPECT_EQ(response.substr(0, 12), "HTTP/1.1 " + c.status) << response;
  EXPECT_NE(response.find(c.contains), std::string::npos) << response;
  EXPECT_NE(response.find("x-request-id: "), std::string::npos) << response;
  if (c.stays_open) {
    connection.Send(kHealth);
    EXPECT_EQ(connection.ReadResponses(1).substr(0, 12), "HTTP/1.1 200");
  } else {
    EXPECT_NE(response.find("Connection: close"), std::string::npos) << response;
    EXPECT_TRUE(connection.AtEnd());
  }
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
        WireCase{"HeadHasNoBody", "HEAD " + kRunPath + " HTTP/1.1\r\n" + kHost + "\r\n" + kHealth,
                 "405", "\r\n\r\nHTTP/1.1 200 OK", true},
        WireCase{"PatchOnARun", "PATCH " + kRunPath + " HTTP/1.1\r\n" + kHost + "\r\n", "405",
                 "Allow: DELETE, GET", true},
        WireCase{"OptionsOnARun", "OPTIONS " + kRunPath + " HTTP/1.1\r\n" + kHost + "\r\n", "405",
                 "Allow: DELETE, GET", true},
        WireCase{"UnknownMethod", "BREW " + kRunPath + " HTTP/1.1\r\n" + kHost + "\r\n", "400",
                 "Bad Request", false},
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
        WireCase{"DeleteWithAFormIsNotMovedToItsWorkspace",
                 "DELETE " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey +
                     "Content-Type: application/x-www-form-urlencoded\r\n"
                     "Content-Length: 16\r\n\r\nworkspace_uuid=x",
                 "204", "", true},
        WireCase{"AbsoluteTarget",
                 "DELETE http://x" + kRunPath + " HTTP/1.1\r\n" + kHost + kKey + "\r\n", "204", "",
                 true},
        WireCase{"EmptyLinesBeforeARequest", "\r\n\r\n" + kHealth, "200", "ok", true},
        WireCase{"GetWithBody",
                 "GET " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey + "Content-Length: 2\r\n\r\n{}",
                 "200", ids::kRun, false},
        WireCase{"PostWithChunkedBody",
                 "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey +
                     "Transfer-Encoding: chunked\r\n\r\n" + Chunked(kCreateBody),
                 "200", "\"created\"", true},
        WireCase{"PostWithChunkExtension",
                 "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey +
                     "Transfer-Encoding: Chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\n\r\n",
                 "422", "body.eval_uuid", true},
        WireCase{"MalformedChunk",
                 "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey +
                     "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + kHealth,
                 "400", "Bad Request", false},
        WireCase{"MalformedChunkOfADelete",
                 "DELETE " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey +
                     "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + kHealth,
                 "400", "Bad Request", false},
        WireCase{"EndlessChunk",
                 "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey +
                     "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nab" + kHealth,
                 "400", "Bad Request", false},
        WireCase{"Trailers",
                 "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey +
                     "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nA: b\r\n\r\n",
                 kIsHttplib041 ? "422" : "400", kIsHttplib041 ? "eval_uuid" : "Bad Request",
                 kIsHttplib041},
        WireCase{"TrailersAddNothingToTheHead",
                 "DELETE " + kRunPath + " HTTP/1.1\r\n" + kHost +
                     "Transfer-Encoding: chunked\r\n\r\n0\r\n" + kKey + "\r\n",
                 kIsHttplib041 ? "401" : "400", kIsHttplib041 ? "x-api-key" : "Bad Request",
                 kIsHttplib041},
        WireCase{"NoGzip",
                 "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey +
                     "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
                 "400", "Bad Request", false},
        WireCase{"PostWithoutLength", "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey + "\r\n",
                 "400", "validation.invalid_request", true},
        WireCase{"RangeIsIgnored",
                 "GET " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey + "Range: bytes=0-3\r\n\r\n",
                 "200", ids::kRun, true},
        WireCase{"NoHost", "GET /health/ HTTP/1.1\r\n\r\n", "400", "Host", false},
        WireCase{"TwoHosts", "GET /health/ HTTP/1.1\r\n" + kHost + kHost + "\r\n", "400", "Host",
                 false},
        WireCase{"SpaceBeforeColon",
                 "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey + "Content-Length : 2\r\n\r\n{}",
                 "400", kIsHttplib041 ? "Bad Request" : "name", false},
        WireCase{"FoldedHeader", "GET /health/ HTTP/1.1\r\n" + kHost + "a: b\r\n c: d\r\n\r\n",
                 "400", kIsHttplib041 ? "Bad Request" : "name", false},
        WireCase{
            "LengthIsNoNumber",
            "DELETE " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey + "Content-Length: +1\r\n\r\n",
            "400", "Content-Length", false},
        WireCase{"TwoLengths",
                 "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey +
                     "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
                 "400", "Content-Length", false},
        WireCase{"LengthAndEncoding",
                 "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey +
                     "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + Chunked("{}"),
                 "400", kIsHttplib041 ? "Bad Request" : "Transfer-Encoding", false},
        WireCase{"OtherEncoding",
                 "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey +
                     "Transfer-Encoding: gzip, chunked\r\n\r\n" + Chunked("{}"),
                 "400", kIsHttplib041 ? "Bad Request" : "Transfer-Encoding", false},
        WireCase{"LineFeedsOnly", "GET /health/ HTTP/1.1\nHost: x\n\n", "400",
                 "without a carriage return", false},
        WireCase{"OneLineFeed", "GET /health/ HTTP/1.1\r\n" + kHost + "a: b\nc: d\r\n\r\n", "400",
                 "without a carriage return", false},
        WireCase{"LineFeedsThatAreNotHttp", "hello\n\n", "400", "Bad Request", false},
        WireCase{"Http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400", "Bad Request", false},
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
                 "413", "Payload Too Large", false},
        WireCase{"Http10", "GET /health/ HTTP/1.0\r\n\r\n", "200", "ok", false},
        WireCase{"Http10NeverStays", "GET /health/ HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
                 "200", "ok", false},
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

TEST_P(RequestIds, AreKeptWhenWellFormed) {
  const RawConnection connection(backend_.port());
  connection.Send("GET " + kRunPath + " HTTP/1.1\r\n" + kHost +
                  "x-request-id: " + GetParam().given + "\r\n\r\n");
  const std::string response = connection.ReadResponses(1);
  EXPECT_EQ(response.find("x-request-id: " + GetParam().given + "\r\n") != std::string::npos,
            GetParam().honoured)
      << response;
  EXPECT_EQ(response.find("\"request_id\":\"" + GetParam().given + "\"") != std::string::npos,
            GetParam().honoured)
      << response;
  EXPECT_EQ(response.find("\r\nInjected"), std::string::npos) << response;
  EXPECT_EQ(response.find("\"request_id\":\"\""), std::string::npos) << response;
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

}  // namespace
}  // namespace evalrun::backend
