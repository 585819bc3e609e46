// SPDX-License-Identifier: Apache-2.0

#include "service/cli/text.h"

#include <gtest/gtest.h>

namespace evalrun::cli {
namespace {

TEST(PrintableTest, EscapesUnprintableCharacters) {
  const struct {
    std::string_view in;
    std::string_view out;
  } kTable[] = {
      {"", ""},
      {"plain text ~", "plain text ~"},
      {"Gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
       "Gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
      {std::string_view("\0\x7f", 2), "\\x00\\x7f"},
      {"\xc2\x85", "\\x85"},
      {"\xe2\x80\x8b\xef\xbb\xbf", "\\u200b\\ufeff"},
      {"\xc0\xaf", "\\xc0\\xaf"},                    // overlong
      {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},           // overlong
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},           // surrogate
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // beyond U+10FFFF
      {"a\xe2\x82", "a\\xe2\\x82"},                  // truncated
      {"\x80", "\\x80"},
  };
  for (const auto& [in, out] : kTable) EXPECT_EQ(Printable(in), out);
}

TEST(ShellQuoteTest, RoundTripsThroughAShell) {
  const struct {
    std::string_view in;
    std::string_view out;
  } kTable[] = {
      {"plain-1.2_3:/@%+=,", "plain-1.2_3:/@%+=,"},
      {"", "''"},
      {"a b", "'a b'"},
      {"$(x)", "'$(x)'"},
      {"it's", R"('it'\''s')"},
  };
  for (const auto& [in, out] : kTable) EXPECT_EQ(ShellQuote(in), out);
}

}  // namespace
}  // namespace evalrun::cli
