// SPDX-License-Identifier: Apache-2.0
//
// The upstream's words, as they may be repeated.
#include "service/handler/upstream_text.h"

#include <string>

#include <gtest/gtest.h>

namespace evalrun::handler {
namespace {

using namespace std::string_literals;

TEST(CleanUpstreamTextTest, RemovesControlCharactersAndSecrets) {
  struct {
    std::string text;
    std::string clean;
  } const cases[] = {
      {"", ""},
      {"plain, \xC3\xBC, 100%", "plain, \xC3\xBC, 100%"},
      {"tab\t, line\r\n, nul\0, del\x7F"s, "tab , line  , nul , del "},
      {"caf\xE9 \xFF", "caf\xEF\xBF\xBD \xEF\xBF\xBD"},
      {"key sk-1234 was refused", "key [redacted] was refused"},
      {"sk-1234sk-1234", "[redacted][redacted]"},
      {"sk-123", "sk-123"},
  };
  for (const auto& c : cases) EXPECT_EQ(CleanUpstreamText(c.text, "sk-1234"), c.clean) << c.text;
}

TEST(CleanUpstreamTextTest, RedactsNothingForAnEmptySecret) {
  EXPECT_EQ(CleanUpstreamText("abc", ""), "abc");
}

TEST(CleanErrorBodyTest, RemovesTheSecretFromTheDetails) {
  struct {
    std::string details;
    std::string secret;
    std::string clean;
  } const cases[] = {
      {"", "k", ""},
      {R"({"n":5})", "sk-1234", R"({"n":5})"},
      {R"({"a":{"b":["x sk-1234"]}})", "sk-1234", R"({"a":{"b":["x [redacted]"]}})"},
      {R"({"sk-1234":1})", "sk-1234", R"({"[redacted]":1})"},
      {R"({"a":"s\u006b-1234"})", "sk-1234", R"({"a":"[redacted]"})"},
      {R"({"a":"sk\"\\"})", R"(sk"\)", R"({"a":"[redacted]"})"},
      {R"({"a":[1234567,1]})", "23456", R"({"a":["[redacted]",1]})"},
      {R"({"a":"line\nbreak"})", "", R"({"a":"line break"})"},
  };
  for (const auto& c : cases) {
    deletion::ErrorBody body;
    body.details = c.details;
    CleanErrorBody(c.secret, &body);
    EXPECT_EQ(body.details, c.clean) << c.details;
  }
}

TEST(CleanUpstreamTextTest, TerminatesWhenTheReplacementContainsTheSecret) {
  EXPECT_EQ(CleanUpstreamText("redacted", "redacted"), "[redacted]");
}

}  // namespace
}  // namespace evalrun::handler
