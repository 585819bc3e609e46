// SPDX-License-Identifier: Apache-2.0

#include "service/config/text.h"

#include <string>

#include <gtest/gtest.h>

namespace evalrun::config {
namespace {

TEST(EscapeTest, ReturnsOnePrintableLine) {
  EXPECT_EQ(Escape("a b"), "a b");
  EXPECT_EQ(Escape("a\nb\x1b[0m\xff"), "a\\nb\\x1b[0m\\xff");
  EXPECT_EQ(Quote("\""), "\"\\\"\"");
  EXPECT_EQ(Escape(std::string(1000, 'x')), std::string(100, 'x') + "...");
}

TEST(IsPlainTextTest, AcceptsUtf8WithoutControlCharacters) {
  for (const char* text : {"", "abc ~", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                           "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsPlainText(text)) << Escape(text);
  }
  for (const char* text :
       {"a\nb", "\t", "\x7f", "\x80", "\xff", "\xc3", "\xc3(", "\xc0\xaf", "\xc1\xbf",
        "\xe0\x80\xaf", "\xe2\x82", "\xed\xa0\x80", "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xf0\x9f\x98"}) {
    EXPECT_FALSE(IsPlainText(text)) << Escape(text);
  }
  EXPECT_FALSE(IsPlainText(std::string(1, '\0')));
}

TEST(ConcatTest, JoinsStringsAndIntegers) {
  EXPECT_EQ(Concat("a", std::string("b"), std::string_view("c"), 4, std::size_t{5}), "abc45");
}

}  // namespace
}  // namespace evalrun::config
