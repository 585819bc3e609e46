// SPDX-License-Identifier: Apache-2.0
//
// Who calls and deletes most, within a window of time.
#include "service/observability/top_callers.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include "rest_backend/deletion/utf8.h"

namespace evalrun::observability {
namespace {

using deletion::Certainty;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr TopCallers::TimePoint kNow{seconds(3000)};

class TopCallersTest : public ::testing::Test {
 protected:
  void Call(std::string_view caller, int times = 1, Certainty certainty = Certainty::kAbsent,
            TopCallers::TimePoint now = kNow) {
    for (int i = 0; i < times; ++i) {
      callers_.OnCallCompleted({.caller = caller, .certainty = certainty}, now);
    }
  }

  // The series of the family with this index.
  std::vector<std::pair<std::string, double>> Series(std::size_t family,
                                                     TopCallers::TimePoint now = kNow) {
    std::vector<std::pair<std::string, double>> series;
    const auto families = callers_.MakeFamilies(now);
    for (const auto& metric : families.at(family).metric) {
      series.emplace_back(metric.label.at(0).value, metric.gauge.value);
    }
    return series;
  }

  TopCallers callers_;
};

TEST_F(TopCallersTest, FamiliesExistBeforeTheFirstCall) {
  const auto families = callers_.MakeFamilies(kNow);
  ASSERT_THAT(families, SizeIs(2));
  EXPECT_EQ(families[0].name, "gateway_top_caller_calls");
  EXPECT_EQ(families[1].name, "gateway_top_caller_deleted_runs");
  EXPECT_THAT(Series(0), IsEmpty());
  EXPECT_THAT(Series(1), IsEmpty());
}

TEST_F(TopCallersTest, CountsCallsAndDeletedRuns) {
  Call("dns:a", 1, Certainty::kPerformed);
  Call("dns:a", 2, Certainty::kNotPerformed);
  Call("dns:b", 3, Certainty::kPerformed);
  Call("dns:b", 1, Certainty::kPresumed);
  Call("dns:c", 1, Certainty::kUnknown);
  EXPECT_THAT(Series(0), ElementsAre(Pair("dns:b", 4), Pair("dns:a", 3), Pair("dns:c", 1)));
  EXPECT_THAT(Series(1), ElementsAre(Pair("dns:b", 4), Pair("dns:a", 1)));
  EXPECT_THAT(callers_.Top(kNow),
              ElementsAre(CallerActivity{"dns:b", 4, 4}, CallerActivity{"dns:a", 3, 1},
                          CallerActivity{"dns:c", 1, 0}));
}

TEST_F(TopCallersTest, SumsTheSlicesOfTheWindowAndForgetsOlderOnes) {
  Call("dns:a", 5, Certainty::kPerformed, kNow);
  Call("dns:a", 1, Certainty::kPerformed, kNow + seconds(299));
  EXPECT_THAT(Series(0, kNow + seconds(299)), ElementsAre(Pair("dns:a", 6)));
  EXPECT_THAT(Series(0, kNow + seconds(300)), ElementsAre(Pair("dns:a", 1)));
  EXPECT_THAT(Series(1, kNow + seconds(300)), ElementsAre(Pair("dns:a", 1)));
  EXPECT_THAT(Series(0, kNow + seconds(600)), IsEmpty());
}

TEST_F(TopCallersTest, HasTenSeriesAtMost) {
  for (int i = 0; i < 50; ++i) Call("dns:caller-" + std::to_string(i), 100 - i);
  // Few calls, but the only one that deletes.
  Call("dns:deletes", 1, Certainty::kPerformed);
  EXPECT_THAT(Series(0), SizeIs(TopCallers::kReported));
  EXPECT_THAT(Series(0)[0], Pair("dns:caller-0", 100));
  EXPECT_THAT(Series(1), ElementsAre(Pair("dns:deletes", 1)));
  const std::vector<CallerActivity> top = callers_.Top(kNow);
  ASSERT_THAT(top, SizeIs(TopCallers::kReported + 1));
  EXPECT_EQ(top.back(), (CallerActivity{"dns:deletes", 1, 1}));
}

TEST_F(TopCallersTest, FindsOneAmongAFloodOfOthers) {
  for (int i = 0; i < 10'000; ++i) {
    Call("ip:" + std::to_string(i));
    if (i % 20 == 0) Call("dns:often", 1, Certainty::kPerformed);
  }
  ASSERT_THAT(Series(0), SizeIs(TopCallers::kReported));
  EXPECT_EQ(Series(0)[0].first, "dns:often");
  EXPECT_THAT(Series(1), ElementsAre(Pair("dns:often", 500)));
}

TEST_F(TopCallersTest, LabelsAreValidUtf8BoundedAndUnique) {
  Call("dns:\xff");
  Call("dns:\xfe", 2);
  const std::string euros = [] {
    std::string text = "a";  // so that a sequence of three bytes crosses the bound
    for (int i = 0; i < 200; ++i) text += "\u20ac";
    return text;
  }();
  Call(euros, 1);
  const auto series = Series(0);
  ASSERT_THAT(series, SizeIs(2));
  EXPECT_THAT(series[0], Pair("dns:\ufffd", 3));
  EXPECT_LE(series[1].first.size(), SpaceSaving::kMaxKeyBytes);
  EXPECT_GE(series[1].first.size(), SpaceSaving::kMaxKeyBytes - 3);
  EXPECT_EQ(deletion::ToValidUtf8(series[1].first), series[1].first);
}

TEST_F(TopCallersTest, LabelsAreEscapedInTheExposition) {
  Call("dns:\"\n\\");
  EXPECT_THAT(prometheus::TextSerializer().Serialize(callers_.MakeFamilies(kNow)),
              HasSubstr(R"(gateway_top_caller_calls{caller="dns:\"\n\\"} 1)"));
}

}  // namespace
}  // namespace evalrun::observability
