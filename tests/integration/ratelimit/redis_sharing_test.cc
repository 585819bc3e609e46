// Ten replicas share one limit over one real Redis, in real time: callers are skewed, clocks are
// off by seconds, replicas are killed and added, Redis is killed and started again. The bound that
// lease.h states holds over every window, and once steady a saturated limit is used.
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

// A gateway as far as limits go.
class Replica {
 public:
  Replica(int port, std::int64_t clock_off) : store_({.host = "127.0.0.1", .port = port}) {
    clock_off_ = clock_off;
    limiter_.SetRules(
        std::make_shared<ratelimit::RuleSet>(std::vector<ratelimit::LimitRule>{
            {.name = "all", .quota = ratelimit::MakeQuota(kPerSecond, kSecond, kBurst)}}),
        kReplicas);
  }

  bool Call(std::int64_t now) {
    const std::int64_t local = now + clock_off_;
    if (limiter_.Check({}, local).refused != 0) return false;
    limiter_.Charge(local);
    return true;
  }

 private:
  ratelimit::LeaseDesk desk_;
  ratelimit::Limiter limiter_{{.max_keys = 100, .seed = 1}, &desk_};
  ratelimit::RedisStore store_;
  ratelimit::LeaseThread thread_{&desk_, &store_, [](const absl::Status&) {}};
  std::int64_t clock_off_ = 0;
};

class World {
 public:
  explicit World(RedisProcess* redis) : redis_(*redis) {
    for (int i = 0; i < kReplicas; ++i) Restart(i);
  }

  void Kill(int i) { replicas_[static_cast<std::size_t>(i)].reset(); }
  // Also for the first time. Each has a clock of its own.
  void Restart(int i) {
    replicas_[static_cast<std::size_t>(i)] =
        std::make_unique<Replica>(redis_.port(), (1000 + 7 * i) * kSecond);
  }

  // Lets callers call for so long. Those of a replica that is gone call the next one.
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

  // Calls let in from `from` on, as a part of the limit.
  [[nodiscard]] double UseSince(std::int64_t from) const {
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

// Of a few windows, up to the first one that is used enough: a machine that is busy with other
// things stalls Redis, too.
double SteadyUse(World* world) {
  double best = 0;
  for (int i = 0; i < 4 && best < 0.95; ++i) {
    const std::int64_t from = World::Now();
    world->Run(3s);
    best = std::max(best, world->UseSince(from));
  }
  return best;
}

TEST(RedisSharingTest, TheBoundHoldsOverEveryWindowAndTheLimitIsUsed) {
  if (!RedisProcess::IsInstalled()) GTEST_SKIP() << "redis-server is not installed";
  signal(SIGPIPE, SIG_IGN);
  RedisProcess redis;
  World world(&redis);

  world.Run(1500ms);
  EXPECT_GE(SteadyUse(&world), 0.95) << "skewed";

  world.Kill(0);
  world.Kill(4);
  world.Run(1s);
  world.Restart(4);
  world.Run(1s);
  world.Restart(0);
  world.Run(1500ms);
  EXPECT_GE(SteadyUse(&world), 0.95) << "after replicas came and went";

  redis.Kill();
  world.Run(500ms);
  const std::int64_t without = World::Now();
  world.Run(2s);
  // The share of 100/s of the two that have more callers than that, and what the others have.
  EXPECT_NEAR(world.UseSince(without), 0.1 + 0.1 + 0.1 + 0.1 + 0.088, 0.05) << "without Redis";
  redis.Start();
  world.Run(4s);
  EXPECT_GE(SteadyUse(&world), 0.95) << "healed by itself";

  const ratelimit::Quota quota = ratelimit::MakeQuota(kPerSecond, kSecond, kBurst);
  EXPECT_LE(WorstExcess(world.admitted(), kPerSecond),
            AllowedExcess(quota, kReplicas, /*losses=*/1, /*restarts=*/2));
}

}  // namespace
}  // namespace evalrun::service
