// SPDX-License-Identifier: Apache-2.0
//
// Checking all rules at once: which are charged, which calls are rejected, and for how long.
#include "service/ratelimit/limiter.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace evalrun::ratelimit {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMs;
constexpr std::int64_t kStart = 1000 * kSecond;

LimitRule Rule(std::string name, LimitedBy by, std::int64_t per_second, std::int64_t burst) {
  return {.name = std::move(name), .by = by, .quota = MakeQuota(per_second, kSecond, burst)};
}

class LimiterTest : public ::testing::Test {
 protected:
  void Use(std::vector<LimitRule> rules, std::int64_t replicas = 1) {
    limiter_.SetRules(std::make_shared<RuleSet>(std::move(rules)), replicas);
  }

  // Whether a call is admitted; if so, it is charged.
  bool Call(std::string_view caller, std::int64_t now = kStart, std::string_view workspace = "w") {
    decision_ =
        limiter_.Check({.caller = caller, .workspace = workspace, .upstream_key = "k"}, now);
    if (decision_.denied != 0) return false;
    limiter_.Commit(now);
    return true;
  }
  int Calls(int count, std::string_view caller, std::int64_t now = kStart) {
    int admitted = 0;
    for (int i = 0; i < count; ++i) admitted += Call(caller, now) ? 1 : 0;
    return admitted;
  }

  Limiter limiter_{{.max_keys = 50, .seed = 1}, nullptr};
  Limiter::Decision decision_;
};

TEST_F(LimiterTest, AllowsEverythingWithoutRules) { EXPECT_EQ(Calls(1000, "a"), 1000); }

TEST_F(LimiterTest, CallersHaveSeparateBuckets) {
  Use({Rule("per-caller", LimitedBy::kCaller, 10, 3)});
  EXPECT_EQ(Calls(10, "a"), 3);
  EXPECT_EQ(Calls(10, "b"), 3);
  EXPECT_EQ(Calls(10, "a", kStart + 200 * kMs), 2);
}

TEST_F(LimiterTest, RejectedCallIsChargedToNoRule) {
  Use({Rule("all", LimitedBy::kGateway, 10, 5), Rule("per-caller", LimitedBy::kCaller, 10, 1)});
  EXPECT_EQ(Calls(100, "greedy"), 1);
  EXPECT_EQ(decision_.denied, 0b10U);
  EXPECT_EQ(Calls(1, "b") + Calls(1, "c") + Calls(1, "d") + Calls(1, "e"), 4)
      << "rejected calls do not use the gateway's limit";
  EXPECT_EQ(Calls(1, "f"), 0);
  EXPECT_EQ(decision_.denied, 0b01U);
}

TEST_F(LimiterTest, WaitCoversAllRules) {
  Use({Rule("fast", LimitedBy::kCaller, 10, 1), Rule("slow", LimitedBy::kWorkspace, 2, 1),
       Rule("faster", LimitedBy::kGateway, 100, 1)});
  ASSERT_TRUE(Call("a"));
  ASSERT_FALSE(Call("a"));
  EXPECT_EQ(decision_.denied, 0b111U);
  EXPECT_EQ(limiter_.rules().rule(static_cast<std::size_t>(decision_.rule)).name, "slow");
  EXPECT_EQ(decision_.wait, 500 * kMs);
  EXPECT_FALSE(Call("a", kStart + decision_.wait - 1));
  EXPECT_TRUE(Call("a", kStart + 500 * kMs)) << "at the promised time";
}

TEST_F(LimiterTest, CountsRejectionForRuleWithLongestWait) {
  Use({Rule("fast", LimitedBy::kCaller, 10, 1), Rule("slow", LimitedBy::kGateway, 2, 1)});
  ASSERT_EQ(Calls(3, "a"), 1);
  EXPECT_EQ(limiter_.counts(0).denied, 0u);
  EXPECT_EQ(limiter_.counts(1).denied, 2u);
  EXPECT_EQ(limiter_.counts(0).allowed, 1u);
}

TEST_F(LimiterTest, ListsHotKeys) {
  Use({Rule("per-caller", LimitedBy::kCaller, 10, 10)});
  Calls(8, "modest");
  EXPECT_TRUE(limiter_.hot_keys().empty());
  Calls(9, "near");
  Calls(13, "greedy");
  ASSERT_EQ(limiter_.hot_keys().size(), 2u);
  EXPECT_EQ(limiter_.hot_keys()[0].subject, "near");
  EXPECT_EQ(limiter_.hot_keys()[0].denied, 0u);
  EXPECT_EQ(limiter_.hot_keys()[0].tat - kStart, 900 * kMs);
  EXPECT_EQ(limiter_.hot_keys()[0].burst_tolerance, kSecond);
  EXPECT_EQ(limiter_.hot_keys()[1].subject, "greedy");
  EXPECT_EQ(limiter_.hot_keys()[1].denied, 3u);
  for (int i = 1; i <= 40; ++i) Calls(9, "another-" + std::to_string(i), kStart + i);
  EXPECT_EQ(limiter_.hot_keys().size(), kMaxHotKeys);
  EXPECT_TRUE(std::ranges::none_of(limiter_.hot_keys(), [](const auto& entry) {
    return entry.subject == "greedy";
  })) << "only the most recent ones are kept";
}

TEST_F(LimiterTest, ShadowRuleCountsWithoutRejecting) {
  LimitRule shadow = Rule("trial", LimitedBy::kCaller, 10, 2);
  shadow.shadow = true;
  Use({shadow, Rule("all", LimitedBy::kGateway, 10, 4)});
  EXPECT_EQ(Calls(10, "a"), 4);
  EXPECT_EQ(limiter_.counts(0).allowed, 2u);
  EXPECT_EQ(limiter_.counts(0).shadow_denied, 8u);
  EXPECT_EQ(limiter_.counts(0).denied, 0u);
  EXPECT_EQ(limiter_.counts(1).allowed, 4u);
  EXPECT_EQ(limiter_.counts(1).denied, 6u);
  EXPECT_EQ(decision_.shadow_denied, 0b1U);
}

TEST_F(LimiterTest, UnlimitedSubjectsUseNoEntry) {
  LimitRule rule = Rule("per-caller", LimitedBy::kCaller, 10, 1);
  rule.overrides = {{"ops/*", std::nullopt}};
  Use({rule});
  EXPECT_EQ(Calls(100, "ops/a"), 100);
  EXPECT_EQ(limiter_.keys().size(), 0u);
}

TEST_F(LimiterTest, RetryIsChargedToUpstreamKeyOnly) {
  Use({Rule("vendor", LimitedBy::kUpstreamKey, 10, 3),
       Rule("per-caller", LimitedBy::kCaller, 1, 1)});
  ASSERT_TRUE(Call("a"));
  EXPECT_EQ(limiter_.TryAcquireAttempt("k", kStart), 0);
  EXPECT_EQ(limiter_.TryAcquireAttempt("k", kStart), 0);
  const std::int64_t wait = limiter_.TryAcquireAttempt("k", kStart);
  EXPECT_EQ(wait, 100 * kMs);
  EXPECT_FALSE(Call("b")) << "a retry has used the capacity";
  EXPECT_EQ(limiter_.counts(0).allowed, 1u) << "a retry is not counted as a call";
  EXPECT_EQ(limiter_.counts(0).denied, 1u);
  EXPECT_EQ(limiter_.TryAcquireAttempt("another key", kStart), 0);
  EXPECT_EQ(limiter_.TryAcquireAttempt("k", kStart + wait), 0);
}

TEST_F(LimiterTest, AppliesReplicaShare) {
  Use({Rule("per-caller", LimitedBy::kCaller, 40, 12)}, /*replicas=*/4);
  EXPECT_EQ(Calls(100, "a"), 3);
  EXPECT_EQ(Calls(100, "a", kStart + kSecond), 3);
  EXPECT_EQ(Calls(100, "a", kStart + kSecond + 100 * kMs), 1);
}

TEST_F(LimiterTest, RuleChangeKeepsState) {
  Use({Rule("per-caller", LimitedBy::kCaller, 10, 5), Rule("gone", LimitedBy::kGateway, 10, 100)});
  ASSERT_EQ(Calls(5, "a"), 5);
  Use({Rule("new", LimitedBy::kGateway, 10, 100), Rule("per-caller", LimitedBy::kCaller, 10, 5)});
  EXPECT_EQ(Calls(5, "a"), 0) << "the state is kept";
  EXPECT_EQ(Calls(5, "b"), 5);
  EXPECT_EQ(limiter_.counts(1).allowed, 10u);
  EXPECT_EQ(limiter_.counts(0).allowed, 5u);
  Use({Rule("per-caller", LimitedBy::kCaller, 1000, 5)});
  EXPECT_EQ(Calls(5, "a"), 0);
  EXPECT_EQ(Calls(5, "a", kStart + 5 * kMs), 5) << "a larger limit applies immediately";
}

TEST_F(LimiterTest, CallersShareOverflowBucketWhenTableIsFull) {
  Use({Rule("per-caller", LimitedBy::kCaller, 1, 2)});
  ASSERT_EQ(Calls(2, "regular"), 2);
  int admitted = 0;
  for (int i = 0; i < 10'000; ++i) admitted += Calls(1, "made-up-" + std::to_string(i));
  EXPECT_EQ(admitted, 49 + 2)
      << "one call for each key in the table, and one burst for the overflow key";
  EXPECT_EQ(limiter_.keys().size(), 50u);
  EXPECT_EQ(limiter_.overflowed(), 10'000u - 49u);
  EXPECT_EQ(Calls(2, "regular"), 0) << "it is still in the table";
  EXPECT_EQ(Calls(2, "newcomer", kStart + 2 * kSecond), 2) << "idle keys were evicted";
}

}  // namespace
}  // namespace evalrun::ratelimit
