// SPDX-License-Identifier: Apache-2.0

#include "service/cli/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// 250 of 1000 runs after five seconds.
Progress QuarterDone() { return {.total = 1000, .gone = 250, .elapsed = seconds(5)}; }

TEST(ProgressBarTest, ShowsProgressRateAndEta) {
  EXPECT_EQ(ProgressBar(QuarterDone(), 80),
            "[#######-----------------------]  25%  250/1000  50/s  15 s left");
}

TEST(ProgressBarTest, ShowsFailedAndUnknown) {
  Progress progress = QuarterDone();
  progress.gone = 240;
  progress.failed = 7;
  progress.unknown = 3;
  EXPECT_THAT(ProgressBar(progress, 120),
              EndsWith(" 25%  250/1000  7 not deleted  3 unknown  50/s  15 s left"));
}

TEST(ProgressBarTest, ShowsWaitingAndStopping) {
  Progress progress = QuarterDone();
  progress.waiting = milliseconds(2001);
  EXPECT_THAT(ProgressBar(progress, 80), EndsWith("250/1000  asked to wait 3 s"));
  progress.stopping = true;
  EXPECT_THAT(ProgressBar(progress, 80), EndsWith("250/1000  stopping"));
}

TEST(ProgressBarTest, StaysBelowTerminalWidth) {
  Progress progress = QuarterDone();
  progress.failed = 123'456;
  progress.unknown = 123'456;
  progress.total = 1'000'000;
  for (std::size_t columns = 0; columns < 200; ++columns) {
    EXPECT_LT(ProgressBar(progress, columns).size(), std::max<std::size_t>(columns, 1));
  }
}

TEST(ProgressBarTest, ShowsStartAndEnd) {
  EXPECT_EQ(ProgressBar({.total = 10}, 80), "[------------------------------]   0%  0/10");
  EXPECT_THAT(ProgressBar({.total = 10, .gone = 10, .elapsed = seconds(1)}, 80),
              StartsWith("[##############################] 100%  10/10"));
  EXPECT_THAT(ProgressBar({}, 80), HasSubstr("100%  0/0"));
}

TEST(ProgressBarTest, RoundsTimesUp) {
  const struct {
    std::size_t total;
    const char* left;
  } kTable[] = {{11, "1 s left"}, {100, "90 s left"}, {311, "6 min left"}, {20010, "6 h left"}};
  for (const auto& [total, left] : kTable) {
    EXPECT_THAT(ProgressBar({.total = total, .gone = 10, .elapsed = seconds(10)}, 80),
                EndsWith(left));
  }
}

TEST(ProgressLineTest, FormatsLogLine) {
  Progress progress = QuarterDone();
  EXPECT_EQ(ProgressLine(progress), "250 of 1000 done (25%), 50/s");
  progress.failed = 10;
  progress.unknown = 5;
  progress.waiting = seconds(2);
  EXPECT_EQ(ProgressLine(progress),
            "265 of 1000 done (26%), 10 not deleted, 5 unknown, 53/s, asked to wait 2 s");
}

}  // namespace
}  // namespace evalrun::cli
