// The bytes of an answer that a fault script spells out.
#include "rest_backend/server/faults/scripted_answer.h"

#include <string>

#include <gmock/gmock.h>

namespace evalrun::backend {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ScriptedAnswer, IsTheStatusTheHeadersTheLengthAndTheBody) {
  EXPECT_EQ(AnswerBytes({.status = 502, .headers = {{"Server", "nginx"}}, .body = "<h1>502</h1>"}),
            "HTTP/1.1 502 Scripted\r\nServer: nginx\r\nContent-Length: 12\r\n\r\n<h1>502</h1>");
}

TEST(ScriptedAnswer, AnEmptyBodyHasItsLengthToo) {
  EXPECT_THAT(AnswerBytes({.status = 200, .headers = {}, .body = ""}),
              HasSubstr("Content-Length: 0\r\n"));
}

TEST(ScriptedAnswer, AStatusWithoutABodyHasNoLength) {
  for (const int status : {100, 103, 204, 304}) {
    EXPECT_THAT(AnswerBytes({.status = status, .headers = {}, .body = ""}),
                Not(HasSubstr("Content-Length")))
        << status;
  }
}

TEST(ScriptedAnswer, MayLieAboutItsLength) {
  const std::string bytes =
      AnswerBytes({.status = 200, .headers = {{"content-length", "99"}}, .body = "x"});
  EXPECT_THAT(bytes, HasSubstr("content-length: 99\r\n"));
  EXPECT_THAT(bytes, Not(HasSubstr("Content-Length")));
}

TEST(ScriptedAnswer, MayBringItsOwnFraming) {
  EXPECT_THAT(
      AnswerBytes(
          {.status = 200, .headers = {{"Transfer-Encoding", "chunked"}}, .body = "0\r\n\r\n"}),
      Not(HasSubstr("Content-Length")));
}

TEST(ScriptedAnswer, SaysCloseInAnyCase) {
  EXPECT_TRUE(SaysClose({.status = 200, .headers = {{"connection", "Close"}}, .body = ""}));
  EXPECT_FALSE(SaysClose({.status = 200, .headers = {{"Connection", "keep-alive"}}, .body = ""}));
  EXPECT_FALSE(SaysClose({.status = 200, .headers = {}, .body = ""}));
}

TEST(ScriptedAnswer, AHeadersValueIsOneLine) {
  EXPECT_TRUE(IsHeaderValue(""));
  EXPECT_TRUE(IsHeaderValue("Wed, 21 Oct 2026 07:28:00 GMT"));
  EXPECT_FALSE(IsHeaderValue("a\r\nInjected: 1"));
  EXPECT_FALSE(IsHeaderValue(std::string("a\0b", 3)));
}

}  // namespace
}  // namespace evalrun::backend
