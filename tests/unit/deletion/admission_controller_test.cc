// Who is let in to the upstream, who is not and for how long, and how many retries there are.
#include "rest_backend/deletion/admission_controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::deletion {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr RetryAfterGate::TimePoint kNow{std::chrono::hours(1000)};
constexpr char kKey[] = "default";

TEST(RetryAfterGateTest, IsOpenInitially) {
  EXPECT_EQ(RetryAfterGate(10s).Remaining(kNow), 0ms);
  EXPECT_EQ(RetryAfterGate(10s).closures(), 0u);
}

TEST(RetryAfterGateTest, IsClosedUntilRetryAfter) {
  RetryAfterGate hold_back(10s);
  hold_back.OnRateLimited(kNow, 2s);
  EXPECT_EQ(hold_back.Remaining(kNow), 2s);
  EXPECT_EQ(hold_back.Remaining(kNow + 1500ms), 500ms);
  EXPECT_EQ(hold_back.Remaining(kNow + 2s - 1ns), 1ms) << "rounded up: never told to come too soon";
  EXPECT_EQ(hold_back.Remaining(kNow + 2s), 0ms);
}

TEST(RetryAfterGateTest, IsBoundedByMaxWait) {
  RetryAfterGate hold_back(10s);
  hold_back.OnRateLimited(kNow, 1h);
  EXPECT_EQ(hold_back.Remaining(kNow), 10s);
}

TEST(RetryAfterGateTest, ShorterRetryAfterDoesNotShorten) {
  RetryAfterGate hold_back(10s);
  hold_back.OnRateLimited(kNow, 5s);
  hold_back.OnRateLimited(kNow + 1s, 1s);
  EXPECT_EQ(hold_back.Remaining(kNow + 1s), 4s);
  EXPECT_EQ(hold_back.closures(), 1u) << "it went on, it did not begin again";
  hold_back.OnRateLimited(kNow + 5s, 1s);
  EXPECT_EQ(hold_back.closures(), 2u);
}

TEST(RetryAfterGateTest, ZeroDisables) {
  RetryAfterGate hold_back(0s);
  hold_back.OnRateLimited(kNow, 5s);
  EXPECT_EQ(hold_back.Remaining(kNow), 0ms);
  EXPECT_EQ(hold_back.closures(), 0u);
}

TEST(RetryBudgetTest, StartsFull) {
  RetryBudget budget({.percent = 10, .burst = 3});
  EXPECT_EQ(budget.saved(), 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget.TryWithdraw());
  EXPECT_FALSE(budget.TryWithdraw());
  EXPECT_EQ(budget.saved(), 0);
}

TEST(RetryBudgetTest, AllowsPercentOfCalls) {
  for (const int percent : {0, 1, 10, 33, 100, 250}) {
    RetryBudget budget({.percent = percent, .burst = 5});
    while (budget.TryWithdraw()) {
    }
    int taken = 0;
    for (int call = 0; call < 10'000; ++call) {
      budget.Deposit();
      while (budget.TryWithdraw()) ++taken;
    }
    EXPECT_EQ(taken, 100 * percent) << percent;
  }
}

TEST(RetryBudgetTest, BalanceIsBoundedByBurst) {
  RetryBudget budget({.percent = 100, .burst = 4});
  for (int i = 0; i < 1000; ++i) budget.Deposit();
  EXPECT_EQ(budget.saved(), 4);
}

TEST(RetryBudgetTest, DisabledIsUnbounded) {
  RetryBudget budget({.enabled = false, .percent = 0, .burst = 0});
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(budget.TryWithdraw());
}

TEST(AdmissionControllerTest, AdmitsUpToCapAndOnePerRelease) {
  AdmissionController guard({.max_in_flight = 2});
  EXPECT_FALSE(guard.TryAcquire(kNow, kKey, 0.5).has_value());
  EXPECT_FALSE(guard.TryAcquire(kNow, kKey, 0.5).has_value());
  const auto refused = guard.TryAcquire(kNow, kKey, 0.5);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->reason, RejectReason::kInFlightCap);
  EXPECT_EQ(guard.in_flight(), 2u) << "who was refused does not count";
  guard.Release();
  EXPECT_FALSE(guard.TryAcquire(kNow, kKey, 0.5).has_value());
  EXPECT_TRUE(guard.TryAcquire(kNow, kKey, 0.5).has_value());
}

TEST(AdmissionControllerTest, RejectionsGetJitteredRetryAfter) {
  AdmissionController guard({.max_in_flight = 1});
  ASSERT_FALSE(guard.TryAcquire(kNow, kKey, 0).has_value());
  EXPECT_EQ(guard.TryAcquire(kNow, kKey, 0.0)->retry_after, 500ms);
  EXPECT_EQ(guard.TryAcquire(kNow, kKey, 0.5)->retry_after, 1000ms);
  EXPECT_LT(guard.TryAcquire(kNow, kKey, 0.999)->retry_after, 1500ms);
}

TEST(AdmissionControllerTest, ZeroDisablesCap) {
  AdmissionController guard({.max_in_flight = 0});
  for (int i = 0; i < 100'000; ++i) ASSERT_FALSE(guard.TryAcquire(kNow, kKey, 0.5).has_value());
}

TEST(AdmissionControllerTest, GateRejectionReturnsRemainingTime) {
  AdmissionController guard({.max_in_flight = 1});
  guard.hold_back(kKey).OnRateLimited(kNow, 3s);
  const auto refused = guard.TryAcquire(kNow + 1s, kKey, 0.5);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->reason, RejectReason::kHoldBack);
  EXPECT_EQ(refused->retry_after, 2s);
  EXPECT_FALSE(guard.TryAcquire(kNow + 3s, kKey, 0.5).has_value()) << "and then it is let in";
}

TEST(AdmissionControllerTest, OnlyAdmittedCallsDeposit) {
  AdmissionController guard({.max_in_flight = 1, .retry_budget = {.percent = 100, .burst = 10}});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(guard.retry_budget().TryWithdraw());
  ASSERT_FALSE(guard.TryAcquire(kNow, kKey, 0.5).has_value());
  ASSERT_TRUE(guard.TryAcquire(kNow, kKey, 0.5).has_value());
  EXPECT_EQ(guard.retry_budget().saved(), 1);
}

TEST(AdmissionControllerTest, GateIsPerKey) {
  AdmissionController guard({.max_in_flight = 0});
  guard.hold_back("a").OnRateLimited(kNow, 3s);
  guard.hold_back("b").OnRateLimited(kNow, 1s);
  EXPECT_EQ(guard.TryAcquire(kNow, "a", 0.5)->retry_after, 3s);
  EXPECT_EQ(guard.TryAcquire(kNow, "b", 0.5)->retry_after, 1s);
  EXPECT_FALSE(guard.TryAcquire(kNow, "c", 0.5).has_value());
  EXPECT_EQ(guard.retry_after_gate_closures(), 2u);
  EXPECT_EQ(guard.longest_retry_after_gate_wait(kNow + 1s), 2s);
}

TEST(AdmissionControllerTest, CapIsSharedByAllKeys) {
  AdmissionController guard({.max_in_flight = 1});
  EXPECT_FALSE(guard.TryAcquire(kNow, "a", 0.5).has_value());
  EXPECT_TRUE(guard.TryAcquire(kNow, "b", 0.5).has_value());
}

}  // namespace
}  // namespace evalrun::deletion
