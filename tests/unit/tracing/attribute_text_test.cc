// SPDX-License-Identifier: Apache-2.0

#include "service/tracing/attribute_text.h"

#include <gtest/gtest.h>

namespace evalrun::tracing {
namespace {

TEST(AttributeTextTest, KeepsUtf8) {
  for (const char* text : {"", "plain", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80 end"}) {
    EXPECT_EQ(ToAttributeText(text), text);
  }
}

TEST(AttributeTextTest, ReplacesEachByteThatIsNotUtf8) {
  EXPECT_EQ(ToAttributeText("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(ToAttributeText("\xE2\x82z"), "\xEF\xBF\xBD\xEF\xBF\xBDz") << "cut";
}

TEST(AttributeTextTest, CutsLongTextBetweenCharacters) {
  EXPECT_EQ(ToAttributeText(std::string(1000, 'a')), std::string(kMaxAttributeBytes, 'a'));
  const std::string text = std::string(kMaxAttributeBytes - 1, 'a') + "\xC3\xA9";
  EXPECT_EQ(ToAttributeText(text), std::string(kMaxAttributeBytes - 1, 'a'));
  EXPECT_EQ(ToAttributeText(text + text), std::string(kMaxAttributeBytes - 1, 'a'));
  EXPECT_EQ(ToAttributeText(std::string(1000, '\xFF')).size(), kMaxAttributeBytes / 3 * 3);
}

}  // namespace
}  // namespace evalrun::tracing
