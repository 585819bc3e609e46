// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/deletion/retry_after.h"

#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::deletion {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using std::chrono::milliseconds;
using std::chrono::system_clock;

// Friday, 2026-11-06 08:49:37 GMT.
constexpr system_clock::time_point kDate =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 6) + 8h + 49min + 37s;
// The time of the response, in the tests whose input is not a date.
constexpr system_clock::time_point kNow = kDate;

struct Case {
  const char* name;
  std::string retry_after;
  std::string retry_after_ms;
  std::optional<milliseconds> expected;
  // How far below `expected` is fine too: what has more digits than a millisecond may be cut.
  milliseconds tolerance{0};
};

void PrintTo(const Case& c, std::ostream* os) { *os << c.name; }

std::string Name(const ::testing::TestParamInfo<Case>& param) { return param.param.name; }

class ParseRetryAfterTest : public ::testing::TestWithParam<Case> {};

TEST_P(ParseRetryAfterTest, Gives) {
  const Case& c = GetParam();
  const auto wait = ParseRetryAfter(c.retry_after, c.retry_after_ms, "", kNow);
  ASSERT_EQ(wait.has_value(), c.expected.has_value());
  if (!wait.has_value()) return;
  EXPECT_LE(wait->count(), c.expected->count());
  EXPECT_GE(wait->count(), (*c.expected - c.tolerance).count());
}

INSTANTIATE_TEST_SUITE_P(
    Seconds, ParseRetryAfterTest,
    ::testing::Values(
        Case{"Whole", "7", "", 7s}, Case{"Zero", "0", "", 0s}, Case{"LeadingZeros", "0007", "", 7s},
        Case{"Half", "0.5", "", 500ms}, Case{"Fraction", "1.25", "", 1250ms},
        Case{"MoreDigitsThanAMillisecond", "1.23456789", "", 1235ms, 1ms},
        Case{"TinyFraction", "0.00000000000000000001", "", 1ms, 1ms},
        Case{"FractionBelowADouble", "0." + std::string(400, '0') + "1", "", 1ms, 1ms},
        Case{"TheLongest", "3600", "", 1h}, Case{"LongerIsCut", "3601", "", 1h},
        Case{"ADayIsCut", "86400", "", 1h}, Case{"OverflowOf32BitsIsCut", "4294967297", "", 1h},
        Case{"OverflowOf64BitsIsCut", "18446744073709551617", "", 1h},
        Case{"OverflowWhenMultipliedIsCut", "9223372036854775", "", 1h},
        Case{"OverflowOfADoubleIsCut", std::string(400, '9'), "", 1h},
        Case{"ManyFractionDigits", "1." + std::string(400, '0'), "", 1s}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Milliseconds, ParseRetryAfterTest,
    ::testing::Values(
        Case{"Alone", "", "1500", 1500ms}, Case{"Zero", "", "0", 0ms},
        Case{"Fraction", "", "12.7", 13ms, 1ms}, Case{"WinsOverSeconds", "7", "1500", 1500ms},
        Case{"ZeroWinsOverSeconds", "7", "0", 0ms},
        Case{"WinsOverADate", "Fri, 06 Nov 2026 08:50:37 GMT", "20", 20ms},
        Case{"WinsOverJunk", "soon", "20", 20ms}, Case{"LongerThanAnHourIsCut", "", "3600001", 1h},
        Case{"OverflowIsCut", "", "99999999999999999999999", 1h},
        Case{"MalformedGivesWayToSeconds", "7", "1500ms", 7s},
        Case{"NegativeGivesWayToSeconds", "7", "-1", 7s},
        Case{"ADateIsNoNumberOfMilliseconds", "7", "Fri, 06 Nov 2026 08:50:37 GMT", 7s},
        Case{"BothMalformed", "soon", "now", std::nullopt}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    AsIfAbsent, ParseRetryAfterTest,
    ::testing::Values(
        Case{"Absent", "", "", std::nullopt}, Case{"Negative", "-1", "", std::nullopt},
        Case{"MinusZero", "-0", "", std::nullopt}, Case{"Plus", "+5", "", std::nullopt},
        Case{"Unit", "7s", "", std::nullopt}, Case{"Word", "soon", "", std::nullopt},
        Case{"Exponent", "1e3", "", std::nullopt}, Case{"Hex", "0x10", "", std::nullopt},
        Case{"Infinity", "inf", "", std::nullopt},
        Case{"LongInfinity", "infinity", "", std::nullopt},
        Case{"NotANumber", "nan", "", std::nullopt},
        Case{"InfiniteFuture", "infinite-future", "", std::nullopt},
        Case{"Comma", "1,5", "", std::nullopt}, Case{"TwoNumbers", "1 2", "", std::nullopt},
        Case{"TwoDots", "1.2.3", "", std::nullopt}, Case{"DotAlone", ".", "", std::nullopt},
        Case{"NumberThenNul", "7\0"s, "", std::nullopt},
        Case{"NulThenNumber",
             "\0"s
             "7",
             "", std::nullopt},
        Case{"FullWidthDigit", "\xef\xbc\x97", "", std::nullopt},
        Case{"Quoted", "\"7\"", "", std::nullopt},
        Case{"FormFeedThenDate", "\fFri, 06 Nov 2026 08:50:37 GMT", "", std::nullopt},
        Case{"DateWithATab", "Fri,\t06 Nov 2026 08:50:37 GMT", "", std::nullopt},
        Case{"DateWithoutZone", "Fri, 06 Nov 2026 08:50:37", "", std::nullopt},
        Case{"DateInAnotherZone", "Fri, 06 Nov 2026 08:50:37 PST", "", std::nullopt},
        Case{"DateWithAnOffset", "Fri, 06 Nov 2026 08:50:37 +0100", "", std::nullopt},
        Case{"DateWithJunkBehind", "Fri, 06 Nov 2026 08:50:37 GMT7", "", std::nullopt},
        Case{"DateThenNul", "Fri, 06 Nov 2026 08:50:37 GMT\0"s, "", std::nullopt},
        Case{"DateWithoutTime", "Fri, 06 Nov 2026", "", std::nullopt},
        Case{"DateOfNoMonth", "Fri, 06 Nox 2026 08:50:37 GMT", "", std::nullopt},
        Case{"DateOfDay0", "Fri, 00 Nov 2026 08:50:37 GMT", "", std::nullopt},
        Case{"DateOfDay31InNovember", "Tue, 31 Nov 2026 08:50:37 GMT", "", std::nullopt},
        Case{"LeapDayOfNoLeapYear", "Mon, 29 Feb 2027 08:50:37 GMT", "", std::nullopt},
        Case{"LeapDayOf2100", "Mon, 29 Feb 2100 08:50:37 GMT", "", std::nullopt},
        Case{"Hour24", "Fri, 06 Nov 2026 24:50:37 GMT", "", std::nullopt},
        Case{"Minute60", "Fri, 06 Nov 2026 08:60:37 GMT", "", std::nullopt},
        Case{"Second61", "Fri, 06 Nov 2026 08:50:61 GMT", "", std::nullopt},
        Case{"NegativeHour", "Fri, 06 Nov 2026 -8:50:37 GMT", "", std::nullopt},
        Case{"Iso8601", "2026-11-06T08:50:37Z", "", std::nullopt},
        Case{"TenKilobytes", std::string(10240, 'x'), "", std::nullopt}),
    Name);

// The date is always kDate, a whole second; `ahead` is how long before it the response arrives.
struct DateCase {
  const char* name;
  std::string value;
  milliseconds ahead;
  milliseconds expected;
};

void PrintTo(const DateCase& c, std::ostream* os) { *os << c.name; }

class ParseRetryAfterDateTest : public ::testing::TestWithParam<DateCase> {};

TEST_P(ParseRetryAfterDateTest, Gives) {
  const DateCase& c = GetParam();
  EXPECT_EQ(ParseRetryAfter(c.value, "", "", kDate - c.ahead), c.expected);
}

INSTANTIATE_TEST_SUITE_P(
    Dates, ParseRetryAfterDateTest,
    ::testing::Values(
        DateCase{"ImfFixdate", "Fri, 06 Nov 2026 08:49:37 GMT", 10s, 10s},
        DateCase{"Rfc850", "Friday, 06-Nov-26 08:49:37 GMT", 10s, 10s},
        DateCase{"Asctime", "Fri Nov  6 08:49:37 2026", 10s, 10s},
        DateCase{"AsctimeWithADayOfTwoDigits", "Mon Nov 16 08:49:37 2026", 0s, 1h},
        DateCase{"HalfASecond", "Fri, 06 Nov 2026 08:49:37 GMT", 500ms, 500ms},
        DateCase{"ThisMoment", "Fri, 06 Nov 2026 08:49:37 GMT", 0s, 0s},
        DateCase{"Rfc850ThisMoment", "Friday, 06-Nov-26 08:49:37 GMT", 0s, 0s},
        DateCase{"ASecondAgo", "Fri, 06 Nov 2026 08:49:37 GMT", -1s, 0s},
        DateCase{"ADayAgo", "Fri, 06 Nov 2026 08:49:37 GMT", -24h, 0s},
        DateCase{"AnHourAhead", "Fri, 06 Nov 2026 08:49:37 GMT", 1h, 1h},
        DateCase{"ADayAheadIsCut", "Fri, 06 Nov 2026 08:49:37 GMT", 24h, 1h},
        DateCase{"In2099IsCut", "Wed, 21 Oct 2099 07:28:00 GMT", 0s, 1h},
        DateCase{"In9999IsCut", "Fri, 31 Dec 9999 23:59:59 GMT", 0s, 1h},
        DateCase{"LongAgo", "Sun, 06 Nov 1994 08:49:37 GMT", 0s, 0s},
        DateCase{"TheEpoch", "Thu, 01 Jan 1970 00:00:00 GMT", 0s, 0s},
        DateCase{"BeforeTheEpoch", "Wed, 31 Dec 1969 23:59:59 GMT", 0s, 0s},
        // RFC 9110: more than 50 years ahead means the most recent year with these digits.
        DateCase{"Rfc850YearOf1994", "Sunday, 06-Nov-94 08:49:37 GMT", 0s, 0s},
        DateCase{"Rfc850YearOf2075", "Wednesday, 06-Nov-75 08:49:37 GMT", 0s, 1h},
        DateCase{"LeapDay", "Tue, 29 Feb 2028 00:00:00 GMT", 0s, 1h}),
    [](const auto& param) { return std::string(param.param.name); });

// The upstream's clock and ours differ: both of its dates are its own.
TEST(ParseRetryAfterTest, DateIsRelativeToTheResponsesDate) {
  for (const auto difference : {-24h, -1h, 0h, 1h, 24h}) {
    const auto now = kNow + difference;
    for (const char* date : {"Fri, 06 Nov 2026 08:49:27 GMT", "Friday, 06-Nov-26 08:49:27 GMT",
                             "Fri Nov  6 08:49:27 2026", " Fri, 06 Nov 2026 08:49:27 GMT "}) {
      EXPECT_EQ(ParseRetryAfter("Fri, 06 Nov 2026 08:49:37 GMT", "", date, now), 10s) << date;
      EXPECT_EQ(ParseRetryAfter("Friday, 06-Nov-26 08:49:37 GMT", "", date, now), 10s) << date;
      EXPECT_EQ(ParseRetryAfter("Fri, 06 Nov 2026 08:49:17 GMT", "", date, now), 0s) << date;
    }
  }
}

TEST(ParseRetryAfterTest, MalformedDateOfTheResponseIsAsIfAbsent) {
  for (const char* date : {"now", "7", "2026-11-06T08:49:27Z", "Fri, 06 Nov 2026 08:49:27 PST"}) {
    EXPECT_EQ(ParseRetryAfter("Fri, 06 Nov 2026 08:49:37 GMT", "", date, kNow - 5s), 5s) << date;
  }
}

TEST(ParseRetryAfterTest, SecondsAreNotRelativeToAnything) {
  EXPECT_EQ(ParseRetryAfter("7", "", "Fri, 06 Nov 2026 07:00:00 GMT", kNow), 7s);
  EXPECT_EQ(ParseRetryAfter("", "20", "Fri, 06 Nov 2026 07:00:00 GMT", kNow), 20ms);
}

TEST(ParseRetryAfterTest, HandlesYearBoundary) {
  const system_clock::time_point new_year = std::chrono::sys_days(std::chrono::year(2028) / 1 / 1);
  EXPECT_EQ(ParseRetryAfter("Sat, 01 Jan 2028 00:00:00 GMT", "", "", new_year - 5s), 5s);
  EXPECT_EQ(ParseRetryAfter("Fri, 31 Dec 2027 23:59:59 GMT", "", "", new_year - 5s), 4s);
  const system_clock::time_point march = std::chrono::sys_days(std::chrono::year(2028) / 3 / 1);
  EXPECT_EQ(ParseRetryAfter("Tue, 29 Feb 2028 23:59:59 GMT", "", "", march - 5s), 4s);
}

TEST(ParseRetryAfterTest, ResultIsAlwaysWithinBounds) {
  std::mt19937 random(20240602);
  const std::string seeds[] = {"Fri, 06 Nov 2026 08:49:37 GMT", "Friday, 06-Nov-26 08:49:37 GMT",
                               "Fri Nov  6 08:49:37 2026", "12345.678"};
  for (int i = 0; i < 20000; ++i) {
    std::string value = seeds[random() % 4];
    for (unsigned changes = random() % 4 + 1; changes > 0; --changes) {
      value[random() % value.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) value.resize(random() % (value.size() + 1));
    SCOPED_TRACE(::testing::PrintToString(value));
    for (const auto& wait :
         {ParseRetryAfter(value, "", "", kNow), ParseRetryAfter("", value, "", kNow),
          ParseRetryAfter(value, value, value, kNow), ParseRetryAfter(seeds[0], "", value, kNow)}) {
      if (!wait.has_value()) continue;
      EXPECT_GE(wait->count(), 0);
      EXPECT_LE(wait->count(), kMaxRetryAfter.count());
    }
  }
}

TEST(ParseRetryAfterTest, ToleratesExtremeClock) {
  for (auto now : {system_clock::time_point::min(), system_clock::time_point::max(),
                   system_clock::time_point()}) {
    for (const char* value : {"Fri, 06 Nov 2026 08:49:37 GMT", "Friday, 06-Nov-26 08:49:37 GMT"}) {
      const auto wait = ParseRetryAfter(value, "", "", now);
      if (!wait.has_value()) continue;
      EXPECT_GE(wait->count(), 0);
      EXPECT_LE(wait->count(), kMaxRetryAfter.count());
    }
  }
}

}  // namespace
}  // namespace evalrun::deletion
