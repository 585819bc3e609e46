// SPDX-License-Identifier: Apache-2.0

#include "service/cli/duration.h"

#include <gtest/gtest.h>

namespace evalrun::cli {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(ParseDurationTest, ParsesNumberAndUnit) {
  EXPECT_EQ(ParseDuration("1ms"), milliseconds(1));
  EXPECT_EQ(ParseDuration("1500ms"), milliseconds(1500));
  EXPECT_EQ(ParseDuration("30s"), seconds(30));
  EXPECT_EQ(ParseDuration("2m"), minutes(2));
  EXPECT_EQ(ParseDuration("24h"), hours(24));
}

TEST(ParseDurationTest, RejectsEverythingElse) {
  for (const char* text : {"", "30", "s", "0s", "-1s", "+1s", "1.5s", " 1s", "1s ", "1 s", "1S",
                           "1us", "25h", "99999999999999999999s", "9223372036854775807ms"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(FormatDurationTest, FormatsForPeople) {
  EXPECT_EQ(FormatDuration(milliseconds(250)), "250 ms");
  EXPECT_EQ(FormatDuration(milliseconds(1500)), "1.5 s");
  EXPECT_EQ(FormatDuration(minutes(2)), "120 s");
}

}  // namespace
}  // namespace evalrun::cli
