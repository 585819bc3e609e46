// SPDX-License-Identifier: Apache-2.0
//
// Ten replicas share one limit over a real Redis, in real time: load is skewed, clocks differ by
// seconds, replicas are killed and added, Redis is killed and restarted. The bound stated in
// lease.h holds over every window, and in the steady state a saturated limit is fully used.
#include <signal.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "service/ratelimit/lease_thread.h"
#include "service/ratelimit/limiter.h"
#include "service/ratelimit/redis_store.h"
#include "tests/support/limit_bound.h"
#include "tests/support/redis_process.h"

namespace evalrun::service {
namespace {

using namespace std::chrono_literals;
using evalrun::testing::AllowedExcess;
using evalrun::testing::RedisProcess;
using evalrun::testing::WorstExcess;

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMs;
constexpr int kReplicas = 10;
constexpr std::int64_t kPerSecond = 1000;
constexpr std::int64_t kBurst = 500;

// The rate-limiting part of a gateway.
class Replica {
 public:
  Replica(int port, std::int64_t clock_offset) : store_({.host = "127.0.0.1", .port = port}) {
    clock_offset_ = clock_offset;
    limiter_.SetRules(
        std::make_shared<ratelimit::RuleSet>(std::vector<ratelimit::LimitRule>{
            {.name = "all", .quota = ratelimit::MakeQuota(kPerSecond, kSecond, kBurst)}}),
        kReplicas);
  }

  bool Call(std::int64_t now) {
    const std::int64_t local = now + clock_offset_;
    if (limiter_.Check({}, local).denied != 0) return false;
    limiter_.Commit(local);
    return true;
  }

 private:
  ratelimit::LeaseMailbox mailbox_;
  ratelimit::Limiter limiter_{{.max_keys = 100, .seed = 1}, &mailbox_};
  ratelimit::RedisStore store_;
  ratelimit::LeaseThread thread_{&mailbox_, &store_, [](const absl::Status&) {}};
  std::int64_t clock_offset_ = 0;
};

class Cluster {
 public:
  explicit Cluster(RedisProcess* redis) : redis_(*redis) {
    for (int i = 0; i < kReplicas; ++i) Restart(i);
  }

  void Kill(int i) { replicas_[static_cast<std::size_t>(i)].reset(); }
  // Starts or restarts replica `i`. Each has a clock of its own.
  void Restart(int i) {
    replicas_[static_cast<std::size_t>(i)] =
        std::make_unique<Replica>(redis_.port(), (1000 + 7 * i) * kSecond);
  }

  // Generates calls for this long. Callers of a stopped replica use the next one.
  void Run(std::chrono::milliseconds length) {
    const std::int64_t end = Now() + std::chrono::nanoseconds(length).count();
    for (std::int64_t last = Now(), now = last; now < end; last = now) {
      std::this_thread::sleep_for(1ms);
      now = Now();
      for (std::size_t i = 0; i < kReplicas; ++i) {
        std::poisson_distribution<int> calls(kCallsPerSecond[i] * static_cast<double>(now - last) /
                                             kSecond);
        for (int left = calls(random_); left > 0; --left) Call(i);
      }
    }
  }

  // Calls admitted from `from` on, as a fraction of the limit.
  [[nodiscard]] double UtilizationSince(std::int64_t from) const {
    const auto count = std::ranges::count_if(admitted_, [&](auto time) { return time >= from; });
    return static_cast<double>(count) / (static_cast<double>(Now() - from) / kSecond * kPerSecond);
  }
  [[nodiscard]] const std::vector<std::int64_t>& admitted() const { return admitted_; }

  static std::int64_t Now() {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  }

 private:
  static constexpr std::array<double, kReplicas> kCallsPerSecond = {2000, 500, 200, 100, 50,
                                                                    20,   10,  5,   2,   1};

  void Call(std::size_t i) {
    while (replicas_[i] == nullptr) i = (i + 1) % kReplicas;
    const std::int64_t now = Now();
    if (replicas_[i]->Call(now)) admitted_.push_back(now);
  }

  RedisProcess& redis_;
  std::mt19937_64 random_{11};
  std::array<std::unique_ptr<Replica>, kReplicas> replicas_;
  std::vector<std::int64_t> admitted_;
};

// Measures a few windows, up to the first one with sufficient utilization, because other load on
// the machine slows Redis down, too.
double SteadyUtilization(Cluster* cluster) {
  double best = 0;
  for (int i = 0; i < 4 && best < 0.95; ++i) {
    const std::int64_t from = Cluster::Now();
    cluster->Run(3s);
    best = std::max(best, cluster->UtilizationSince(from));
  }
  return best;
}

TEST(RedisSharingTest, KeepsBoundInEveryWindowAndUsesLimit) {
  if (!RedisProcess::IsInstalled()) GTEST_SKIP() << "redis-server is not installed";
  signal(SIGPIPE, SIG_IGN);
  RedisProcess redis;
  Cluster cluster(&redis);

  cluster.Run(1500ms);
  EXPECT_GE(SteadyUtilization(&cluster), 0.95) << "skewed";

  cluster.Kill(0);
  cluster.Kill(4);
  cluster.Run(1s);
  cluster.Restart(4);
  cluster.Run(1s);
  cluster.Restart(0);
  cluster.Run(1500ms);
  EXPECT_GE(SteadyUtilization(&cluster), 0.95) << "after replicas came and went";

  redis.Kill();
  cluster.Run(500ms);
  const std::int64_t without = Cluster::Now();
  cluster.Run(2s);
  // The shares of 100/s of the two replicas with more load than that, and the load of the others.
  EXPECT_NEAR(cluster.UtilizationSince(without), 0.1 + 0.1 + 0.1 + 0.1 + 0.088, 0.05)
      << "without Redis";
  redis.Start();
  cluster.Run(4s);
  EXPECT_GE(SteadyUtilization(&cluster), 0.95) << "recovered automatically";

  const ratelimit::Quota quota = ratelimit::MakeQuota(kPerSecond, kSecond, kBurst);
  EXPECT_LE(WorstExcess(cluster.admitted(), kPerSecond),
            AllowedExcess(quota, kReplicas, /*losses=*/1, /*restarts=*/2));
}

}  // namespace
}  // namespace evalrun::service
