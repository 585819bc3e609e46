// SPDX-License-Identifier: Apache-2.0
//
// Serialization of the response in a fault script.
#include "rest_backend/server/faults/scripted_response.h"

#include <string>

#include <gmock/gmock.h>

namespace evalrun::backend {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ScriptedResponse, SerializesStatusHeadersLengthAndBody) {
  EXPECT_EQ(
      SerializeResponse({.status = 502, .headers = {{"Server", "nginx"}}, .body = "<h1>502</h1>"}),
      "HTTP/1.1 502 Scripted\r\nServer: nginx\r\nContent-Length: 12\r\n\r\n<h1>502</h1>");
}

TEST(ScriptedResponse, EmptyBodyHasContentLength) {
  EXPECT_THAT(SerializeResponse({.status = 200, .headers = {}, .body = ""}),
              HasSubstr("Content-Length: 0\r\n"));
}

TEST(ScriptedResponse, BodilessStatusHasNoContentLength) {
  for (const int status : {100, 103, 204, 304}) {
    EXPECT_THAT(SerializeResponse({.status = status, .headers = {}, .body = ""}),
                Not(HasSubstr("Content-Length")))
        << status;
  }
}

TEST(ScriptedResponse, ContentLengthCanBeOverridden) {
  const std::string bytes =
      SerializeResponse({.status = 200, .headers = {{"content-length", "99"}}, .body = "x"});
  EXPECT_THAT(bytes, HasSubstr("content-length: 99\r\n"));
  EXPECT_THAT(bytes, Not(HasSubstr("Content-Length")));
}

TEST(ScriptedResponse, TransferEncodingCanBeOverridden) {
  EXPECT_THAT(
      SerializeResponse(
          {.status = 200, .headers = {{"Transfer-Encoding", "chunked"}}, .body = "0\r\n\r\n"}),
      Not(HasSubstr("Content-Length")));
}

TEST(ScriptedResponse, DetectsConnectionCloseInAnyCase) {
  EXPECT_TRUE(
      HasConnectionClose({.status = 200, .headers = {{"connection", "Close"}}, .body = ""}));
  EXPECT_FALSE(
      HasConnectionClose({.status = 200, .headers = {{"Connection", "keep-alive"}}, .body = ""}));
  EXPECT_FALSE(HasConnectionClose({.status = 200, .headers = {}, .body = ""}));
}

TEST(ScriptedResponse, HeaderValueIsOneLine) {
  EXPECT_TRUE(IsSingleLineHeaderValue(""));
  EXPECT_TRUE(IsSingleLineHeaderValue("Wed, 21 Oct 2026 07:28:00 GMT"));
  EXPECT_FALSE(IsSingleLineHeaderValue("a\r\nInjected: 1"));
  EXPECT_FALSE(IsSingleLineHeaderValue(std::string("a\0b", 3)));
}

}  // namespace
}  // namespace evalrun::backend
