// SPDX-License-Identifier: Apache-2.0

#include "tests/soak/growth.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Ten constant windows, each modified by `happened`.
std::vector<SoakWindow> Windows(const std::function<void(int, SoakWindow*)>& happened) {
  std::vector<SoakWindow> windows(10);
  for (int i = 0; i < 10; ++i) {
    windows.at(static_cast<std::size_t>(i)) = {
        .p50_ms = 3, .resident_kib = 40'000, .descriptors = 30, .threads = 16};
    happened(i, &windows.at(static_cast<std::size_t>(i)));
  }
  return windows;
}

TEST(FindGrowthTest, EmptyWithoutGrowth) {
  EXPECT_THAT(FindGrowth(Windows([](int, SoakWindow*) {}), {}), IsEmpty());
}

TEST(FindGrowthTest, ReportsEachGrowingValue) {
  struct {
    const char* what;
    double SoakWindow::*figure;
    double each_window;
  } const cases[] = {{"memory", &SoakWindow::resident_kib, 1000},
                     {"descriptors", &SoakWindow::descriptors, 2},
                     {"threads", &SoakWindow::threads, 0.2},
                     {"latency", &SoakWindow::p50_ms, 1}};
  for (const auto& row : cases) {
    const auto grew = FindGrowth(
        Windows([&](int i, SoakWindow* window) { window->*row.figure += i * row.each_window; }),
        {});
    EXPECT_THAT(grew, ElementsAre(HasSubstr(row.what)));
  }
}

TEST(FindGrowthTest, IgnoresTheWarmUpWindow) {
  const auto cold = [](int i, SoakWindow* window) {
    if (i == 0) window->resident_kib = 1000;
  };
  EXPECT_THAT(FindGrowth(Windows(cold), {}), IsEmpty());
}

TEST(FindGrowthTest, IgnoresASingleOutlier) {
  const auto stall = [](int i, SoakWindow* window) {
    if (i == 8)
      *window = {.p50_ms = 500, .resident_kib = 90'000, .descriptors = 300, .threads = 20};
  };
  EXPECT_THAT(FindGrowth(Windows(stall), {}), IsEmpty());
}

TEST(FindGrowthTest, IgnoresDecrease) {
  const auto shrinks = [](int i, SoakWindow* window) { window->resident_kib -= 1000 * i; };
  EXPECT_THAT(FindGrowth(Windows(shrinks), {}), IsEmpty());
}

}  // namespace
}  // namespace evalrun::testing
