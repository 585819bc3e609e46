// Who is let in to the upstream, who is not and for how long, and how many retries there are.
#include "rest_backend/deletion/upstream_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::deletion {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr HoldBack::TimePoint kNow{std::chrono::hours(1000)};
constexpr char kKey[] = "default";

TEST(HoldBackTest, NobodyIsHeldBackAtFirst) {
  EXPECT_EQ(HoldBack(10s).Remaining(kNow), 0ms);
  EXPECT_EQ(HoldBack(10s).begun(), 0u);
}

TEST(HoldBackTest, UntilTheTimeThatTheUpstreamNamed) {
  HoldBack hold_back(10s);
  hold_back.OnRateLimited(kNow, 2s);
  EXPECT_EQ(hold_back.Remaining(kNow), 2s);
  EXPECT_EQ(hold_back.Remaining(kNow + 1500ms), 500ms);
  EXPECT_EQ(hold_back.Remaining(kNow + 2s - 1ns), 1ms) << "rounded up: never told to come too soon";
  EXPECT_EQ(hold_back.Remaining(kNow + 2s), 0ms);
}

TEST(HoldBackTest, NeverLongerThanConfigured) {
  HoldBack hold_back(10s);
  hold_back.OnRateLimited(kNow, 1h);
  EXPECT_EQ(hold_back.Remaining(kNow), 10s);
}

TEST(HoldBackTest, AShorterTimeDoesNotCutALongerOne) {
  HoldBack hold_back(10s);
  hold_back.OnRateLimited(kNow, 5s);
  hold_back.OnRateLimited(kNow + 1s, 1s);
  EXPECT_EQ(hold_back.Remaining(kNow + 1s), 4s);
  EXPECT_EQ(hold_back.begun(), 1u) << "it went on, it did not begin again";
  hold_back.OnRateLimited(kNow + 5s, 1s);
  EXPECT_EQ(hold_back.begun(), 2u);
}

TEST(HoldBackTest, ZeroSwitchesItOff) {
  HoldBack hold_back(0s);
  hold_back.OnRateLimited(kNow, 5s);
  EXPECT_EQ(hold_back.Remaining(kNow), 0ms);
  EXPECT_EQ(hold_back.begun(), 0u);
}

TEST(RetryBudgetTest, StartsFull) {
  RetryBudget budget({.percent = 10, .burst = 3});
  EXPECT_EQ(budget.saved(), 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget.TryTake());
  EXPECT_FALSE(budget.TryTake());
  EXPECT_EQ(budget.saved(), 0);
}

TEST(RetryBudgetTest, InTheLongRunAsManyAsThePercentOfTheCalls) {
  for (const int percent : {0, 1, 10, 33, 100, 250}) {
    RetryBudget budget({.percent = percent, .burst = 5});
    while (budget.TryTake()) {
    }
    int taken = 0;
    for (int call = 0; call < 10'000; ++call) {
      budget.OnCall();
      while (budget.TryTake()) ++taken;
    }
    EXPECT_EQ(taken, 100 * percent) << percent;
  }
}

TEST(RetryBudgetTest, SavesNoMoreThanTheBurst) {
  RetryBudget budget({.percent = 100, .burst = 4});
  for (int i = 0; i < 1000; ++i) budget.OnCall();
  EXPECT_EQ(budget.saved(), 4);
}

TEST(RetryBudgetTest, SwitchedOffNothingIsBounded) {
  RetryBudget budget({.enabled = false, .percent = 0, .burst = 0});
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(budget.TryTake());
}

TEST(UpstreamGuardTest, AsManyAsTheCapAllowsAndOneMoreForEachThatLeaves) {
  UpstreamGuard guard({.max_in_flight = 2});
  EXPECT_FALSE(guard.Admit(kNow, kKey, 0.5).has_value());
  EXPECT_FALSE(guard.Admit(kNow, kKey, 0.5).has_value());
  const auto refused = guard.Admit(kNow, kKey, 0.5);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->refusal, Refusal::kInFlightCap);
  EXPECT_EQ(guard.in_flight(), 2u) << "who was refused does not count";
  guard.Leave();
  EXPECT_FALSE(guard.Admit(kNow, kKey, 0.5).has_value());
  EXPECT_TRUE(guard.Admit(kNow, kKey, 0.5).has_value());
}

TEST(UpstreamGuardTest, ThoseRefusedTogetherDoNotComeBackTogether) {
  UpstreamGuard guard({.max_in_flight = 1});
  ASSERT_FALSE(guard.Admit(kNow, kKey, 0).has_value());
  EXPECT_EQ(guard.Admit(kNow, kKey, 0.0)->retry_after, 500ms);
  EXPECT_EQ(guard.Admit(kNow, kKey, 0.5)->retry_after, 1000ms);
  EXPECT_LT(guard.Admit(kNow, kKey, 0.999)->retry_after, 1500ms);
}

TEST(UpstreamGuardTest, ZeroIsNoCap) {
  UpstreamGuard guard({.max_in_flight = 0});
  for (int i = 0; i < 100'000; ++i) ASSERT_FALSE(guard.Admit(kNow, kKey, 0.5).has_value());
}

TEST(UpstreamGuardTest, WhoIsHeldBackHearsWhatRemains) {
  UpstreamGuard guard({.max_in_flight = 1});
  guard.hold_back(kKey).OnRateLimited(kNow, 3s);
  const auto refused = guard.Admit(kNow + 1s, kKey, 0.5);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->refusal, Refusal::kHoldBack);
  EXPECT_EQ(refused->retry_after, 2s);
  EXPECT_FALSE(guard.Admit(kNow + 3s, kKey, 0.5).has_value()) << "and then it is let in";
}

TEST(UpstreamGuardTest, OnlyThoseLetInPayForRetries) {
  UpstreamGuard guard({.max_in_flight = 1, .retry_budget = {.percent = 100, .burst = 10}});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(guard.retry_budget().TryTake());
  ASSERT_FALSE(guard.Admit(kNow, kKey, 0.5).has_value());
  ASSERT_TRUE(guard.Admit(kNow, kKey, 0.5).has_value());
  EXPECT_EQ(guard.retry_budget().saved(), 1);
}

TEST(UpstreamGuardTest, A429IsAboutItsOwnKey) {
  UpstreamGuard guard({.max_in_flight = 0});
  guard.hold_back("a").OnRateLimited(kNow, 3s);
  guard.hold_back("b").OnRateLimited(kNow, 1s);
  EXPECT_EQ(guard.Admit(kNow, "a", 0.5)->retry_after, 3s);
  EXPECT_EQ(guard.Admit(kNow, "b", 0.5)->retry_after, 1s);
  EXPECT_FALSE(guard.Admit(kNow, "c", 0.5).has_value());
  EXPECT_EQ(guard.hold_backs_begun(), 2u);
  EXPECT_EQ(guard.longest_hold_back(kNow + 1s), 2s);
}

TEST(UpstreamGuardTest, TheCapIsOverAllKeys) {
  UpstreamGuard guard({.max_in_flight = 1});
  EXPECT_FALSE(guard.Admit(kNow, "a", 0.5).has_value());
  EXPECT_TRUE(guard.Admit(kNow, "b", 0.5).has_value());
}

}  // namespace
}  // namespace evalrun::deletion
