// Ten replicas share limits over a simulated store: the bound that lease.h states holds over every
// window, and a saturated limit is used, whatever the skew, the clocks, the delays and the outages.
#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "service/ratelimit/limiter.h"
#include "tests/support/limit_bound.h"

namespace evalrun::ratelimit {
namespace {

using evalrun::testing::WorstExcess;

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMs;

struct World {
  int replicas = 10;
  std::int64_t per_second = 1000;
  std::int64_t burst = 100;
  std::vector<double> calls_per_second;  // at each replica
  std::int64_t delay = kMs;              // to the store, and back again
  std::int64_t length = 20 * kSecond;
  // Times at which the store loses what it knows, and between which it does not answer.
  std::vector<std::int64_t> losses = {};
  std::vector<std::pair<std::int64_t, std::int64_t>> outages = {};
  // From when to when a replica exists.
  std::vector<std::pair<std::int64_t, std::int64_t>> lives = {};
};

// The times of all calls that were let in.
class Simulation {
 public:
  explicit Simulation(World world) : world_(std::move(world)), random_(11) {
    world_.lives.resize(static_cast<std::size_t>(world_.replicas), {0, world_.length});
    for (int i = 0; i < world_.replicas; ++i) replicas_.push_back(MakeReplica(i));
  }

  const std::vector<std::int64_t>& Run() {
    constexpr std::int64_t kStep = kMs / 4;
    for (std::int64_t now = 0; now < world_.length; now += kStep) {
      for (auto& replica : replicas_) {
        if (now < replica->life.first || now >= replica->life.second) continue;
        // Poisson, as nearly as it matters.
        std::poisson_distribution<int> calls(replica->calls_per_second * kStep / kSecond);
        for (int left = calls(random_); left > 0; --left) Call(replica.get(), now);
        TalkToStore(replica.get(), now);
      }
      if (std::ranges::find(world_.losses, now) != world_.losses.end()) store_.clear();
    }
    return admitted_;
  }

 private:
  struct Replica {
    LeaseDesk desk;
    std::unique_ptr<Limiter> limiter;
    double calls_per_second = 0;
    std::int64_t clock_off = 0;
    std::pair<std::int64_t, std::int64_t> life;
    std::deque<std::pair<std::int64_t, LeaseRequest>> to_store;  // with times of arrival
    std::deque<std::pair<std::int64_t, LeaseAnswer>> from_store;
  };

  std::unique_ptr<Replica> MakeReplica(int i) {
    auto replica = std::make_unique<Replica>();
    replica->limiter =
        std::make_unique<Limiter>(Limiter::Options{.max_keys = 50, .seed = 1}, &replica->desk);
    replica->limiter->SetRules(
        std::make_shared<RuleSet>(std::vector<LimitRule>{
            {.name = "all", .quota = MakeQuota(world_.per_second, kSecond, world_.burst)}}),
        world_.replicas);
    const auto index = static_cast<std::size_t>(i);
    replica->calls_per_second = world_.calls_per_second[index % world_.calls_per_second.size()];
    replica->clock_off = 1000 * kSecond + i * 7 * kSecond;
    replica->life = world_.lives[index];
    return replica;
  }

  void Call(Replica* replica, std::int64_t now) {
    const std::int64_t local = now + replica->clock_off;
    if (replica->limiter->Check({}, local).refused != 0) return;
    replica->limiter->Charge(local);
    admitted_.push_back(now);
  }

  [[nodiscard]] bool IsOut(std::int64_t now) const {
    return std::ranges::any_of(world_.outages, [now](const auto& outage) {
      return now >= outage.first && now < outage.second;
    });
  }

  void TalkToStore(Replica* replica, std::int64_t now) {
    while (const LeaseRequest* request = replica->desk.requests.Front()) {
      replica->to_store.emplace_back(now + world_.delay, *request);
      replica->desk.requests.Pop();
    }
    for (; !replica->to_store.empty() && replica->to_store.front().first <= now;
         replica->to_store.pop_front()) {
      const LeaseRequest& request = replica->to_store.front().second;
      const std::uint32_t granted =
          IsOut(now) ? 0
                     : TakeFromStore(request.quota, &store_[request.key], now + 77 * kSecond,
                                     request.spent, request.want);
      replica->from_store.emplace_back(now + world_.delay,
                                       LeaseAnswer{.index = request.index,
                                                   .hash = request.hash,
                                                   .lease_time = request.lease_time,
                                                   .granted = granted});
    }
    for (; !replica->from_store.empty() && replica->from_store.front().first <= now;
         replica->from_store.pop_front()) {
      *replica->desk.answers.FreeSlot() = replica->from_store.front().second;
      replica->desk.answers.Push();
    }
  }

  World world_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::map<std::string, std::int64_t> store_;
  std::vector<std::int64_t> admitted_;
};

double AllowedExcess(const World& world, int losses = 0) {
  return evalrun::testing::AllowedExcess(MakeQuota(world.per_second, kSecond, world.burst),
                                         world.replicas, losses);
}

// Calls let in from `from` on, as a part of the limit.
double UseSince(std::int64_t from, const World& world, const std::vector<std::int64_t>& times) {
  const auto count = std::ranges::count_if(times, [from](std::int64_t t) { return t >= from; });
  const double seconds = static_cast<double>(world.length - from) / kSecond;
  return static_cast<double>(count) / (static_cast<double>(world.per_second) * seconds);
}

struct Case {
  const char* name;
  World world;
};

std::vector<Case> Saturated() {
  const std::vector<double> one_has_all = {3000, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const std::vector<double> skewed = {2000, 500, 200, 100, 50, 20, 10, 5, 2, 1};
  const std::vector<double> even = {300};
  return {
      {"one has all", {.calls_per_second = one_has_all}},
      {"skewed", {.calls_per_second = skewed}},
      {"even", {.calls_per_second = even}},
      {"far above", {.calls_per_second = {10'000}, .length = 5 * kSecond}},
      {"a far store", {.calls_per_second = skewed, .delay = 8 * kMs}},
      {"small burst", {.burst = 1, .calls_per_second = skewed}},
      {"large burst", {.burst = 2000, .calls_per_second = skewed}},
      {"slow",
       {.per_second = 20, .burst = 20, .calls_per_second = {60, 5, 1, 0, 0, 0, 0, 0, 0, 0}}},
  };
}

TEST(SharingTest, TheBoundHoldsOverEveryWindowAndTheLimitIsUsed) {
  for (const auto& [name, world] : Saturated()) {
    SCOPED_TRACE(name);
    const auto admitted = Simulation(world).Run();
    EXPECT_LE(WorstExcess(admitted, static_cast<double>(world.per_second)), AllowedExcess(world));
    EXPECT_GE(UseSince(2 * kSecond, world, admitted), 0.95);
  }
}

TEST(SharingTest, BelowTheLimitEverybodyIsLetIn) {
  World world{.calls_per_second = {700, 100, 50, 20, 10, 5, 5, 0, 0, 0}};
  const auto admitted = Simulation(world).Run();
  EXPECT_GE(UseSince(2 * kSecond, world, admitted), 0.99 * 0.89);
}

TEST(SharingTest, AStoreThatForgetsCostsABurstEachTime) {
  World world{.calls_per_second = {2000, 500, 200, 100, 50, 20, 10, 5, 2, 1}};
  world.losses = {5 * kSecond, 9 * kSecond, 9 * kSecond + 100 * kMs};
  const auto admitted = Simulation(world).Run();
  EXPECT_LE(WorstExcess(admitted, 1000), AllowedExcess(world, 3));
}

TEST(SharingTest, WithoutTheStoreEachGoesOnWithItsShareAndThenItHeals) {
  World world{.calls_per_second = {2000, 50, 50, 50, 50, 50, 50, 50, 50, 50}};
  world.outages = {{5 * kSecond, 10 * kSecond}};
  const auto admitted = Simulation(world).Run();
  EXPECT_LE(WorstExcess(admitted, 1000), AllowedExcess(world));
  const auto during = std::ranges::count_if(
      admitted, [](std::int64_t t) { return t >= 6 * kSecond && t < 10 * kSecond; });
  EXPECT_NEAR(static_cast<double>(during) / 4, 100 + 9 * 50, 40) << "the share, or what there is";
  EXPECT_GE(UseSince(11 * kSecond, world, admitted), 0.95);
}

TEST(SharingTest, ReplicasComeAndGo) {
  World world{.calls_per_second = {700}};
  world.lives = {
      {0, 20 * kSecond},           {0, 4 * kSecond},           {0, 20 * kSecond},
      {3 * kSecond, 20 * kSecond}, {0, 9 * kSecond},           {5 * kSecond, 7 * kSecond},
      {6 * kSecond, 20 * kSecond}, {9 * kSecond, 20 * kSecond}};
  const auto admitted = Simulation(world).Run();
  EXPECT_LE(WorstExcess(admitted, 1000), AllowedExcess(world));
  EXPECT_GE(UseSince(10 * kSecond, world, admitted), 0.95);
}

TEST(StoreTest, AClockThatIsSetBackDoesNotCloseTheLimitForLong) {
  const StoreQuota quota = StoreQuotaOf(MakeQuota(10, kSecond, 10), 3);
  std::int64_t tat = 1'000'000 * kSecond;
  EXPECT_EQ(TakeFromStore(quota, &tat, kSecond, 0, 5), 0u);
  EXPECT_LE(tat, kSecond + 3 * kSecond);
  EXPECT_EQ(TakeFromStore(quota, &tat, 5 * kSecond, 0, 5), 5u);
}

TEST(StoreTest, WhatWasSpentIsChargedWhetherThereIsRoomOrNot) {
  const StoreQuota quota = StoreQuotaOf(MakeQuota(10, kSecond, 10), 3);
  std::int64_t tat = 0;
  EXPECT_EQ(TakeFromStore(quota, &tat, kSecond, 0, 100), 10u);
  EXPECT_EQ(TakeFromStore(quota, &tat, kSecond, 5, 100), 0u);
  EXPECT_EQ(TakeFromStore(quota, &tat, kSecond + 500 * kMs, 0, 100), 0u);
  EXPECT_EQ(TakeFromStore(quota, &tat, kSecond + 600 * kMs, 0, 100), 1u);
}

}  // namespace
}  // namespace evalrun::ratelimit
