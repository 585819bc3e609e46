// SPDX-License-Identifier: Apache-2.0

#include "service/text/duration.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace evalrun::text {
namespace {

using std::chrono::microseconds;
using namespace std::chrono_literals;

struct Case {
  std::string text;
  std::optional<microseconds> value;
};

TEST(ParseDurationTest, AcceptsOnlyValidDurations) {
  const Case cases[] = {
      {"250us", 250us},
      {"1500ms", 1500ms},
      {"2s", 2s},
      {"1m", 1min},
      {"24h", 24h},
      {"0s", 0us},
      {"0us", 0us},
      {"007s", 7s},
      {"8760h", 8760h},
      {"31536000000000us", 8760h},
      // Beyond a year.
      {"8761h", std::nullopt},
      {"31536000000001us", std::nullopt},
      {"31536000001ms", std::nullopt},
      {"9223372036854775807us", std::nullopt},
      {"9223372036854775808us", std::nullopt},
      {"18446744073709551616s", std::nullopt},
      {"18446744073709551617s", std::nullopt},
      {"99999999999999999999999999999999999999h", std::nullopt},
      // Not a whole number with a unit.
      {"", std::nullopt},
      {"s", std::nullopt},
      {"ms", std::nullopt},
      {"0", std::nullopt},
      {"10", std::nullopt},
      {"-1s", std::nullopt},
      {"+1s", std::nullopt},
      {"1.5s", std::nullopt},
      {"1,5s", std::nullopt},
      {"1e3s", std::nullopt},
      {"0x10s", std::nullopt},
      {" 1s", std::nullopt},
      {"1s ", std::nullopt},
      {"1 s", std::nullopt},
      {"1m30s", std::nullopt},
      {"1S", std::nullopt},
      {"1sec", std::nullopt},
      {"1ns", std::nullopt},
      {"1d", std::nullopt},
      {"1\xc2\xb5s", std::nullopt},
      {"\xd9\xa1s", std::nullopt},  // an Arabic one
      {std::string("1s\0", 3), std::nullopt},
  };
  for (const Case& c : cases) EXPECT_EQ(ParseDuration(c.text), c.value) << c.text;
}

TEST(FormatDurationTest, UsesLargestExactUnit) {
  EXPECT_EQ(FormatDuration(0us), "0s");
  EXPECT_EQ(FormatDuration(1us), "1us");
  EXPECT_EQ(FormatDuration(1500us), "1500us");
  EXPECT_EQ(FormatDuration(1500ms), "1500ms");
  EXPECT_EQ(FormatDuration(90s), "90s");
  EXPECT_EQ(FormatDuration(300s), "5m");
  EXPECT_EQ(FormatDuration(24h), "24h");
}

TEST(FormatDurationTest, RoundTrips) {
  for (const microseconds value :
       {microseconds(0us), microseconds(1us), microseconds(999999us), microseconds(1s),
        microseconds(1000001us), microseconds(59min), kMaxDuration}) {
    EXPECT_EQ(ParseDuration(FormatDuration(value)), value);
  }
}

}  // namespace
}  // namespace evalrun::text
