// SPDX-License-Identifier: Apache-2.0
//
// Which calls are admitted, which are rejected and for how long, and how many retries there are.
#include "rest_backend/deletion/admission_controller.h"

#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

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

class AdmissionControllerTest : public ::testing::Test {
 protected:
  // Nothing: the call was admitted, and its permit is kept.
  std::optional<AdmissionController::Rejection> Acquire(AdmissionController* controller,
                                                        std::string_view key = kKey,
                                                        double random = 0.5,
                                                        RetryAfterGate::TimePoint now = kNow) {
    auto admission = controller->TryAcquire(now, key, random);
    if (const auto* rejection = std::get_if<AdmissionController::Rejection>(&admission)) {
      return *rejection;
    }
    permits_.push_back(std::get<AdmissionController::Permit>(std::move(admission)));
    return std::nullopt;
  }

  AdmissionController capped_{{.max_in_flight = 2, .retry_budget = {.percent = 100, .burst = 10}}};
  AdmissionController uncapped_{{.max_in_flight = 0}};
  std::vector<AdmissionController::Permit> permits_;  // of calls in flight
};

TEST_F(AdmissionControllerTest, AdmitsUpToCapAndOnePerReleasedPermit) {
  EXPECT_FALSE(Acquire(&capped_).has_value());
  EXPECT_FALSE(Acquire(&capped_).has_value());
  const auto rejection = Acquire(&capped_);
  ASSERT_TRUE(rejection.has_value());
  EXPECT_EQ(rejection->reason, RejectReason::kInFlightCap);
  EXPECT_EQ(capped_.in_flight(), 2u) << "a rejected call does not count";
  permits_.pop_back();
  EXPECT_EQ(capped_.in_flight(), 1u);
  EXPECT_FALSE(Acquire(&capped_).has_value());
  EXPECT_TRUE(Acquire(&capped_).has_value());
}

TEST_F(AdmissionControllerTest, PermitIsReleasedOnceHoweverItMoves) {
  using Permit = AdmissionController::Permit;
  {
    Permit first = std::get<Permit>(uncapped_.TryAcquire(kNow, kKey, 0.5));
    Permit second = std::get<Permit>(uncapped_.TryAcquire(kNow, kKey, 0.5));
    EXPECT_EQ(uncapped_.in_flight(), 2u);
    Permit moved = std::move(first);
    EXPECT_EQ(uncapped_.in_flight(), 2u) << "moving releases nothing";
    moved = std::move(second);
    EXPECT_EQ(uncapped_.in_flight(), 1u) << "what was there before is released";
    moved = Permit();
    EXPECT_EQ(uncapped_.in_flight(), 0u);
    second = std::get<Permit>(uncapped_.TryAcquire(kNow, kKey, 0.5));
    EXPECT_EQ(uncapped_.in_flight(), 1u) << "an object that was moved from can be used again";
  }
  EXPECT_EQ(uncapped_.in_flight(), 0u);
}

TEST_F(AdmissionControllerTest, RejectionsGetJitteredRetryAfter) {
  ASSERT_FALSE(Acquire(&capped_).has_value());
  ASSERT_FALSE(Acquire(&capped_).has_value());
  EXPECT_EQ(Acquire(&capped_, kKey, 0.0)->retry_after, 500ms);
  EXPECT_EQ(Acquire(&capped_, kKey, 0.5)->retry_after, 1000ms);
  EXPECT_LT(Acquire(&capped_, kKey, 0.999)->retry_after, 1500ms);
}

TEST_F(AdmissionControllerTest, ZeroDisablesCap) {
  for (int i = 0; i < 100'000; ++i) ASSERT_FALSE(Acquire(&uncapped_).has_value());
}

TEST_F(AdmissionControllerTest, GateRejectionReturnsRemainingTime) {
  capped_.retry_after_gate(kKey).OnRateLimited(kNow, 3s);
  const auto rejection = Acquire(&capped_, kKey, 0.5, kNow + 1s);
  ASSERT_TRUE(rejection.has_value());
  EXPECT_EQ(rejection->reason, RejectReason::kHoldBack);
  EXPECT_EQ(rejection->retry_after, 2s);
  EXPECT_EQ(capped_.in_flight(), 0u);
  EXPECT_FALSE(Acquire(&capped_, kKey, 0.5, kNow + 3s).has_value()) << "and then it is admitted";
}

TEST_F(AdmissionControllerTest, OnlyAdmittedCallsDeposit) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(capped_.retry_budget().TryWithdraw());
  ASSERT_FALSE(Acquire(&capped_).has_value());
  ASSERT_FALSE(Acquire(&capped_).has_value());
  ASSERT_TRUE(Acquire(&capped_).has_value());
  EXPECT_EQ(capped_.retry_budget().saved(), 2);
}

TEST_F(AdmissionControllerTest, GateIsPerKey) {
  uncapped_.retry_after_gate("a").OnRateLimited(kNow, 3s);
  uncapped_.retry_after_gate("b").OnRateLimited(kNow, 1s);
  EXPECT_EQ(Acquire(&uncapped_, "a")->retry_after, 3s);
  EXPECT_EQ(Acquire(&uncapped_, "b")->retry_after, 1s);
  EXPECT_FALSE(Acquire(&uncapped_, "c").has_value());
  EXPECT_EQ(uncapped_.retry_after_gate_closures(), 2u);
  EXPECT_EQ(uncapped_.longest_retry_after_gate_wait(kNow + 1s), 2s);
}

TEST_F(AdmissionControllerTest, CapIsSharedByAllKeys) {
  EXPECT_FALSE(Acquire(&capped_, "a").has_value());
  EXPECT_FALSE(Acquire(&capped_, "b").has_value());
  EXPECT_TRUE(Acquire(&capped_, "c").has_value());
}

}  // namespace
}  // namespace evalrun::deletion
