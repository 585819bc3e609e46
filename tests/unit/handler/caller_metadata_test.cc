// SPDX-License-Identifier: Apache-2.0
//
// Which of a caller's metadata may go upstream.
#include "service/handler/caller_metadata.h"

#include <string>

#include <gtest/gtest.h>

namespace evalrun::handler {
namespace {

using namespace std::string_literals;

TEST(RequestIdTest, AcceptsOneTo128SafeCharacters) {
  for (const std::string& id : {"a"s, "abc-1"s, "A.b_9"s, std::string(128, 'x')}) {
    EXPECT_TRUE(IsWellFormedRequestId(id)) << id;
  }
  for (const std::string& id : {""s, " "s, "a b"s, "a\r\nx-evil: 1"s, "a\0b"s, "\xC3\xBC"s, "a/b"s,
                                std::string(129, 'x')}) {
    EXPECT_FALSE(IsWellFormedRequestId(id)) << id;
  }
}

const std::string kTraceId = "4bf92f3577b34da6a3ce929d0e0e4736";

TEST(TraceparentTest, ReturnsTraceIdWhenWellFormed) {
  for (const std::string& more : {""s}) {
    EXPECT_EQ(ParseTraceId("00-" + kTraceId + "-00f067aa0ba902b7-01" + more), kTraceId);
  }
  EXPECT_EQ(ParseTraceId("cc-" + kTraceId + "-00f067aa0ba902b7-01-what-the-future-brings"),
            kTraceId);
}

TEST(TraceparentTest, ReturnsEmptyWhenMalformed) {
  const std::string parent = "-00f067aa0ba902b7-01";
  for (const std::string& value :
       {""s, "00"s, kTraceId, "00-" + kTraceId + "-00f067aa0ba902b7-0",  // too short
        "00-" + kTraceId + parent + "-more",                             // version 00 has no more
        "ff-" + kTraceId + parent,                                       // forbidden version
        "00-" + std::string(32, '0') + parent,                           // no trace
        "00-" + kTraceId + "-0000000000000000-01",                       // no parent
        "00-4BF92F3577B34DA6A3CE929D0E0E4736" + parent,                  // upper case
        "00_" + kTraceId + parent, "cc-" + kTraceId + parent + "x",      // no hyphen
        "cc-" + kTraceId + parent + "-\r\nx-evil: 1"}) {                 // header injection
    EXPECT_EQ(ParseTraceId(value), "") << value;
  }
}

TEST(TracestateTest, AcceptsPrintableListOfPairs) {
  EXPECT_TRUE(IsWellFormedTracestate("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
  for (const std::string& value :
       {""s, "nothing"s, "a=\r\nx-evil: 1"s, "a=\xC3\xBC"s, "a=" + std::string(511, 'x')}) {
    EXPECT_FALSE(IsWellFormedTracestate(value)) << value;
  }
}

TEST(PreviousAttemptsTest, IsTrueForAPositiveNumber) {
  for (const char* value : {"1", "10", "01"}) EXPECT_TRUE(HasPreviousAttempts(value)) << value;
  for (const char* value : {"", "0", "00", "-1", "x", "1x"}) {
    EXPECT_FALSE(HasPreviousAttempts(value)) << value;
  }
}

TEST(ProxyRetryTest, IsTrueForANumberAboveOne) {
  for (const char* value : {"2", "3", "10", "02", "4294967296"}) {
    EXPECT_TRUE(IsProxyRetry(value)) << value;
  }
  for (const char* value : {"", "0", "1", "01", "-2", "x", "2x", "1,2", " 2"}) {
    EXPECT_FALSE(IsProxyRetry(value)) << value;
  }
}

}  // namespace
}  // namespace evalrun::handler
