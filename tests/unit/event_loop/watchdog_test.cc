// SPDX-License-Identifier: Apache-2.0

#include "service/event_loop/watchdog.h"

#include <gtest/gtest.h>

namespace evalrun::event_loop {
namespace {

using std::chrono::seconds;

constexpr Watchdog::TimePoint kStart{seconds(1000)};

TEST(WatchdogTest, MeasuresTheCurrentIteration) {
  Watchdog watchdog(kStart);
  EXPECT_EQ(watchdog.Lag(kStart), seconds(0));
  EXPECT_EQ(watchdog.Lag(kStart + seconds(3)), seconds(3));
  watchdog.OnIteration(kStart + seconds(3));
  EXPECT_EQ(watchdog.Lag(kStart + seconds(4)), seconds(1));
}

TEST(WatchdogTest, DoesNotCountSleepAsPlanned) {
  Watchdog watchdog(kStart);
  watchdog.OnSleep(kStart + seconds(1));
  EXPECT_EQ(watchdog.Lag(kStart + seconds(1)), seconds(0));
  EXPECT_EQ(watchdog.Lag(kStart + seconds(5)), seconds(4));
}

}  // namespace
}  // namespace evalrun::event_loop
