// SPDX-License-Identifier: Apache-2.0
//
// Compares GCRA with a model that is too simple to be wrong: a token bucket that is refilled by one
// call per interval.
#include "service/ratelimit/gcra.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace evalrun::ratelimit {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMs;

// The level is counted in fractions of a call: `interval` units per call, one unit per nanosecond.
class TokenBucket {
 public:
  explicit TokenBucket(const Quota& quota) : quota_(quota), level_(MaxLevel()) {}

  bool TryAcquire(std::int64_t now, std::int64_t cost) {
    level_ = std::min(MaxLevel(), level_ + (now - since_));
    since_ = now;
    if (level_ < cost * quota_.interval) return false;
    level_ -= cost * quota_.interval;
    return true;
  }
  [[nodiscard]] std::int64_t whole() const { return level_ / quota_.interval; }

 private:
  [[nodiscard]] std::int64_t MaxLevel() const { return quota_.burst * quota_.interval; }

  Quota quota_;
  std::int64_t level_;
  std::int64_t since_ = 0;
};

TEST(GcraTest, AllowsBurstThenSteadyRate) {
  const Quota quota = MakeQuota(10, kSecond, 3);
  std::int64_t now = 5 * kSecond;
  std::int64_t tat = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(gcra::WaitTime(quota, tat, now), 0) << i;
    tat = gcra::NextTat(quota, tat, now);
  }
  EXPECT_EQ(gcra::Available(quota, tat, now), 0);
  EXPECT_EQ(gcra::WaitTime(quota, tat, now), 100 * kMs);
  EXPECT_EQ(gcra::WaitTime(quota, tat, now + 99 * kMs), 1 * kMs);
  EXPECT_EQ(gcra::WaitTime(quota, tat, now + 100 * kMs), 0);
  EXPECT_EQ(gcra::Available(quota, tat, now + 250 * kMs), 2);
  EXPECT_EQ(gcra::Available(quota, tat, now + 9 * kSecond), 3);
}

TEST(GcraTest, MatchesTokenBucketAndReturnsMinimalWait) {
  std::mt19937_64 random(6);
  const auto pick = [&](std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random);
  };
  for (int round = 0; round < 300; ++round) {
    const Quota quota = MakeQuota(pick(1, 1000), pick(1, 60) * kSecond, pick(1, 50));
    TokenBucket bucket(quota);
    std::int64_t tat = 0;
    std::int64_t now = 0;
    for (int call = 0; call < 300; ++call) {
      now += pick(0, 2 * quota.interval);
      const std::int64_t cost = pick(1, quota.burst);
      const std::int64_t wait = gcra::WaitTime(quota, tat, now, cost);
      ASSERT_EQ(wait == 0, bucket.TryAcquire(now, cost)) << "call " << call;
      if (wait == 0) {
        tat = gcra::NextTat(quota, tat, now, cost);
      } else {
        ASSERT_GT(gcra::WaitTime(quota, tat, now + wait - 1, cost), 0);
        ASSERT_EQ(gcra::WaitTime(quota, tat, now + wait, cost), 0) << "at the promised time";
      }
      ASSERT_EQ(gcra::Available(quota, tat, now), bucket.whole());
    }
  }
}

TEST(GcraTest, NoWindowExceedsRatePlusBurst) {
  std::mt19937_64 random(7);
  const Quota quota = MakeQuota(100, kSecond, 20);
  std::vector<std::int64_t> admitted;
  std::int64_t tat = 0;
  std::int64_t now = 0;
  for (int call = 0; call < 5000; ++call) {
    // Alternates between light and heavy load.
    now += static_cast<std::int64_t>(random() % (call / 500 % 2 == 0 ? 2 * kMs : 40 * kMs));
    if (gcra::WaitTime(quota, tat, now) > 0) continue;
    tat = gcra::NextTat(quota, tat, now);
    admitted.push_back(now);
  }
  for (std::size_t from = 0; from < admitted.size(); ++from) {
    for (std::size_t to = from; to < admitted.size(); ++to) {
      const auto calls = static_cast<std::int64_t>(to - from + 1);
      ASSERT_LE((calls - quota.burst) * quota.interval, admitted[to] - admitted[from]);
    }
  }
}

TEST(GcraTest, ClampsTatOfLargerQuota) {
  const Quota large = MakeQuota(1, kSecond, 100);
  const Quota small = MakeQuota(1, kSecond, 2);
  std::int64_t tat = 0;
  for (int i = 0; i < 100; ++i) tat = gcra::NextTat(large, tat, 0);
  EXPECT_EQ(gcra::WaitTime(small, tat, 0), kSecond);
}

TEST(GcraTest, RoundsIntervalUp) {
  EXPECT_EQ(MakeQuota(3, kSecond, 1).interval, 333'333'334);
  EXPECT_EQ(MakeQuota(1'000'000, kSecond, 1).interval, 1000);
}

TEST(ReplicaQuotaTest, ReplicaQuotasSumToQuota) {
  const Quota quota = MakeQuota(100, kSecond, 30);
  EXPECT_EQ(MakeReplicaQuota(quota, 1), quota);
  EXPECT_EQ(MakeReplicaQuota(quota, 3), MakeQuota(100, 3 * kSecond, 10));
  EXPECT_EQ(MakeReplicaQuota(quota, 40).burst, 1) << "each has at least one call";
}

}  // namespace
}  // namespace evalrun::ratelimit
