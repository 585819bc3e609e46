// SPDX-License-Identifier: Apache-2.0

#include "service/observability/event_throttle.h"

#include <gtest/gtest.h>

namespace evalrun::observability {
namespace {

using std::chrono::seconds;

constexpr EventThrottle::Clock::time_point kStart{seconds(1000)};

TEST(EventThrottleTest, AdmitsEachKindOncePerIntervalAndCountsTheOthers) {
  EventThrottle throttle(seconds(10));
  EXPECT_EQ(throttle.Admit("a", kStart), 0u);
  EXPECT_EQ(throttle.Admit("a", kStart), std::nullopt);
  EXPECT_EQ(throttle.Admit("b", kStart), 0u);
  EXPECT_EQ(throttle.Admit("a", kStart + seconds(9)), std::nullopt);
  EXPECT_EQ(throttle.Admit("a", kStart + seconds(10)), 2u);
  EXPECT_EQ(throttle.Admit("a", kStart + seconds(20)), 0u);
}

TEST(EventThrottleTest, KindsBeyondTheLimitCountAsOne) {
  EventThrottle throttle(seconds(10), /*max_kinds=*/2);
  EXPECT_EQ(throttle.Admit("a", kStart), 0u);
  EXPECT_EQ(throttle.Admit("b", kStart), 0u);
  EXPECT_EQ(throttle.Admit("c", kStart), 0u);
  EXPECT_EQ(throttle.Admit("d", kStart), std::nullopt);
  EXPECT_EQ(throttle.Admit("a", kStart + seconds(10)), 0u);
}

TEST(EventThrottleTest, KindsOfPastIntervalsMakeRoom) {
  EventThrottle throttle(seconds(10), /*max_kinds=*/3);
  for (const char* kind : {"a", "b", "b", "c"}) static_cast<void>(throttle.Admit(kind, kStart));
  EXPECT_EQ(throttle.Admit("d", kStart + seconds(10)), 0u);
  EXPECT_EQ(throttle.Admit("e", kStart + seconds(10)), 0u);
  // What was suppressed of the past ones is not lost.
  EXPECT_EQ(throttle.Admit("f", kStart + seconds(10)), 1u);
}

}  // namespace
}  // namespace evalrun::observability
