// SPDX-License-Identifier: Apache-2.0
//
// Connections: several requests on one, incomplete requests, and closing.
#include <signal.h>

#include <string>

#include <gtest/gtest.h>

#include "tests/integration/backend/http_fixture.h"
#include "tests/integration/backend/raw_connection.h"

namespace evalrun::backend {
namespace {

TEST_F(Http, ConnectionIsReused) {
  const RawConnection connection(backend_.port());
  for (int i = 0; i < 300; ++i) {
    connection.Send(kHealth);
    ASSERT_EQ(connection.ReadResponses(1).substr(0, 12), "HTTP/1.1 200") << "request " << i;
  }
}

TEST_F(Http, PipelinedRequestsAreAnsweredInOrder) {
  const RawConnection connection(backend_.port());
  const std::string remove = "DELETE " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey + "\r\n";
  connection.Send(remove + remove + "GET /nope HTTP/1.1\r\n" + kHost + "\r\n" + kHealth);
  const std::string responses = connection.ReadResponses(4);
  EXPECT_EQ(RawConnection::Count(responses, "HTTP/1.1 "), 4) << responses;
  EXPECT_LT(responses.find("HTTP/1.1 204"), responses.find("resource.not_found"));
  EXPECT_LT(responses.find("resource.not_found"), responses.find(R"({"detail":"Not Found"})"));
  EXPECT_LT(responses.find(R"({"detail":"Not Found"})"), responses.find("HTTP/1.1 200"));
}

TEST_F(Http, RequestDuringShutdownGets503) {
  const RawConnection connection(backend_.port());
  const std::string request = "DELETE " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey + "\r\n";
  connection.Send(request.substr(0, 20));
  // On another connection: its response shows that the server has read the first half, too.
  const RawConnection other(backend_.port());
  other.Send(kHealth);
  ASSERT_EQ(other.ReadResponses(1).substr(0, 12), "HTTP/1.1 200");
  backend_.Signal(SIGTERM);
  while (backend_.ReadLine().find("\"stopping\"") == std::string::npos) {
  }
  ASSERT_TRUE(other.AtEnd()) << "an idle connection was not closed";
  connection.Send(request.substr(20));
  const std::string response = connection.ReadResponses(1);
  EXPECT_EQ(response.substr(0, 12), "HTTP/1.1 503") << response;
  EXPECT_NE(response.find("server.unavailable"), std::string::npos) << response;
  EXPECT_EQ(backend_.Wait().exit_status, 0);
}

const std::string kCreateHead = "POST /v2/eval-runs HTTP/1.1\r\n" + kHost + kKey +
                                "Content-Length: " + std::to_string(kCreateBody.size()) + "\r\n";

TEST_F(Http, ExpectContinueGets100) {
  for (const char* expectation : {"100-continue", "100-Continue"}) {
    const RawConnection connection(backend_.port());
    connection.Send(kCreateHead + "Expect: " + expectation + "\r\n\r\n");
    EXPECT_EQ(connection.ReadResponses(1), "HTTP/1.1 100 Continue\r\n\r\n");
    connection.Send(kCreateBody);
    EXPECT_EQ(connection.ReadResponses(1).substr(0, 12), "HTTP/1.1 200");
  }
}

TEST_F(Http, RejectedExpectContinueGetsNo100) {
  const RawConnection connection(backend_.port());
  connection.Send("PUT " + kRunPath + " HTTP/1.1\r\n" + kHost +
                  "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(connection.ReadToEnd().substr(0, 12), "HTTP/1.1 405");
}

TEST_F(Http, Http10NeverGets100) {
  const RawConnection connection(backend_.port());
  connection.Send("POST /v2/eval-runs HTTP/1.0\r\n" + kKey +
                  "Content-Length: " + std::to_string(kCreateBody.size()) +
                  "\r\nExpect: 100-continue\r\n\r\n" + kCreateBody);
  EXPECT_EQ(connection.ReadToEnd().substr(0, 12), "HTTP/1.1 200");
}

TEST_F(Http, PartialRequestDeletesNothing) {
  const RawConnection connection(backend_.port());
  connection.Send("DELETE " + kRunPath + " HTTP/1.1\r\n" + kHost + kKey +
                  "Content-Length: 5\r\n\r\nab");
  connection.FinishSending();
  EXPECT_EQ(connection.ReadToEnd().substr(0, 12), "HTTP/1.1 400");
  const auto found = backend_.Connect().Get(kRunPath, {{"x-api-key", ids::kKey}});
  EXPECT_EQ(found->status, 200);
}

}  // namespace
}  // namespace evalrun::backend
