// SPDX-License-Identifier: Apache-2.0
//
// Ten replicas share limits over a simulated store: the bound stated in lease.h holds over every
// window, and a saturated limit is fully used, in spite of skewed load, clock offsets, delays and
// outages.
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

struct SimulationConfig {
  int replicas = 10;
  std::int64_t per_second = 1000;
  std::int64_t burst = 100;
  std::vector<double> calls_per_second;  // at each replica
  std::int64_t delay = kMs;              // in each direction
  std::int64_t length = 20 * kSecond;
  // When the store loses its data, and the intervals in which it does not respond.
  std::vector<std::int64_t> losses = {};
  std::vector<std::pair<std::int64_t, std::int64_t>> outages = {};
  // The interval in which each replica exists.
  std::vector<std::pair<std::int64_t, std::int64_t>> replica_lifetimes = {};
};

// Records the times of all admitted calls.
class Simulation {
 public:
  explicit Simulation(SimulationConfig config) : config_(std::move(config)), random_(11) {
    config_.replica_lifetimes.resize(static_cast<std::size_t>(config_.replicas),
                                     {0, config_.length});
    for (int i = 0; i < config_.replicas; ++i) replicas_.push_back(MakeReplica(i));
  }

  const std::vector<std::int64_t>& Run() {
    constexpr std::int64_t kStep = kMs / 4;
    for (std::int64_t now = 0; now < config_.length; now += kStep) {
      for (auto& replica : replicas_) {
        if (now < replica->lifetime.first || now >= replica->lifetime.second) continue;
        // An approximation of Poisson arrivals.
        std::poisson_distribution<int> calls(replica->calls_per_second * kStep / kSecond);
        for (int left = calls(random_); left > 0; --left) Call(replica.get(), now);
        ExchangeWithStore(replica.get(), now);
      }
      if (std::ranges::find(config_.losses, now) != config_.losses.end()) store_.clear();
    }
    return admitted_;
  }

 private:
  struct Replica {
    LeaseMailbox mailbox;
    std::unique_ptr<Limiter> limiter;
    double calls_per_second = 0;
    std::int64_t clock_offset = 0;
    std::pair<std::int64_t, std::int64_t> lifetime;
    std::deque<std::pair<std::int64_t, LeaseRequest>> to_store;  // with arrival times
    std::deque<std::pair<std::int64_t, LeaseResponse>> from_store;
  };

  std::unique_ptr<Replica> MakeReplica(int i) {
    auto replica = std::make_unique<Replica>();
    replica->limiter =
        std::make_unique<Limiter>(Limiter::Options{.max_keys = 50, .seed = 1}, &replica->mailbox);
    replica->limiter->SetRules(
        std::make_shared<RuleSet>(std::vector<LimitRule>{
            {.name = "all", .quota = MakeQuota(config_.per_second, kSecond, config_.burst)}}),
        config_.replicas);
    const auto index = static_cast<std::size_t>(i);
    replica->calls_per_second = config_.calls_per_second[index % config_.calls_per_second.size()];
    replica->clock_offset = 1000 * kSecond + i * 7 * kSecond;
    replica->lifetime = config_.replica_lifetimes[index];
    return replica;
  }

  void Call(Replica* replica, std::int64_t now) {
    const std::int64_t local = now + replica->clock_offset;
    if (replica->limiter->Check({}, local).denied != 0) return;
    replica->limiter->Commit(local);
    admitted_.push_back(now);
  }

  [[nodiscard]] bool IsStoreDown(std::int64_t now) const {
    return std::ranges::any_of(config_.outages, [now](const auto& outage) {
      return now >= outage.first && now < outage.second;
    });
  }

  void ExchangeWithStore(Replica* replica, std::int64_t now) {
    while (const LeaseRequest* request = replica->mailbox.requests.Front()) {
      replica->to_store.emplace_back(now + config_.delay, *request);
      replica->mailbox.requests.Pop();
    }
    for (; !replica->to_store.empty() && replica->to_store.front().first <= now;
         replica->to_store.pop_front()) {
      const LeaseRequest& request = replica->to_store.front().second;
      const std::uint32_t granted =
          IsStoreDown(now) ? 0
                           : AcquireFromStore(request.quota, &store_[request.key],
                                              now + 77 * kSecond, request.spent, request.requested);
      replica->from_store.emplace_back(now + config_.delay,
                                       LeaseResponse{.index = request.index,
                                                     .hash = request.hash,
                                                     .lease_time = request.lease_time,
                                                     .granted = granted});
    }
    for (; !replica->from_store.empty() && replica->from_store.front().first <= now;
         replica->from_store.pop_front()) {
      *replica->mailbox.responses.FreeSlot() = replica->from_store.front().second;
      replica->mailbox.responses.Push();
    }
  }

  SimulationConfig config_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::map<std::string, std::int64_t> store_;
  std::vector<std::int64_t> admitted_;
};

double AllowedExcess(const SimulationConfig& config, int losses = 0) {
  return evalrun::testing::AllowedExcess(MakeQuota(config.per_second, kSecond, config.burst),
                                         config.replicas, losses);
}

// Calls admitted from `from` on, as a fraction of the limit.
double UtilizationSince(std::int64_t from, const SimulationConfig& config,
                        const std::vector<std::int64_t>& times) {
  const auto count = std::ranges::count_if(times, [from](std::int64_t t) { return t >= from; });
  const double seconds = static_cast<double>(config.length - from) / kSecond;
  return static_cast<double>(count) / (static_cast<double>(config.per_second) * seconds);
}

struct Case {
  const char* name;
  SimulationConfig config;
};

std::vector<Case> SaturatedCases() {
  const std::vector<double> single_hot_replica = {3000, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const std::vector<double> skewed = {2000, 500, 200, 100, 50, 20, 10, 5, 2, 1};
  const std::vector<double> even = {300};
  return {
      {"one has all", {.calls_per_second = single_hot_replica}},
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

TEST(SharingTest, KeepsBoundInEveryWindowAndUsesLimit) {
  for (const auto& [name, config] : SaturatedCases()) {
    SCOPED_TRACE(name);
    const auto admitted = Simulation(config).Run();
    EXPECT_LE(WorstExcess(admitted, static_cast<double>(config.per_second)), AllowedExcess(config));
    EXPECT_GE(UtilizationSince(2 * kSecond, config, admitted), 0.95);
  }
}

TEST(SharingTest, AllowsAllCallsBelowLimit) {
  SimulationConfig config{.calls_per_second = {700, 100, 50, 20, 10, 5, 5, 0, 0, 0}};
  const auto admitted = Simulation(config).Run();
  EXPECT_GE(UtilizationSince(2 * kSecond, config, admitted), 0.99 * 0.89);
}

TEST(SharingTest, StoreDataLossCostsOneBurst) {
  SimulationConfig config{.calls_per_second = {2000, 500, 200, 100, 50, 20, 10, 5, 2, 1}};
  config.losses = {5 * kSecond, 9 * kSecond, 9 * kSecond + 100 * kMs};
  const auto admitted = Simulation(config).Run();
  EXPECT_LE(WorstExcess(admitted, 1000), AllowedExcess(config, 3));
}

TEST(SharingTest, FallsBackToShareDuringOutageAndRecovers) {
  SimulationConfig config{.calls_per_second = {2000, 50, 50, 50, 50, 50, 50, 50, 50, 50}};
  config.outages = {{5 * kSecond, 10 * kSecond}};
  const auto admitted = Simulation(config).Run();
  EXPECT_LE(WorstExcess(admitted, 1000), AllowedExcess(config));
  const auto during = std::ranges::count_if(
      admitted, [](std::int64_t t) { return t >= 6 * kSecond && t < 10 * kSecond; });
  EXPECT_NEAR(static_cast<double>(during) / 4, 100 + 9 * 50, 40)
      << "the share, or the demand if it is lower";
  EXPECT_GE(UtilizationSince(11 * kSecond, config, admitted), 0.95);
}

TEST(SharingTest, KeepsBoundWhileReplicasComeAndGo) {
  SimulationConfig config{.calls_per_second = {700}};
  config.replica_lifetimes = {
      {0, 20 * kSecond},           {0, 4 * kSecond},           {0, 20 * kSecond},
      {3 * kSecond, 20 * kSecond}, {0, 9 * kSecond},           {5 * kSecond, 7 * kSecond},
      {6 * kSecond, 20 * kSecond}, {9 * kSecond, 20 * kSecond}};
  const auto admitted = Simulation(config).Run();
  EXPECT_LE(WorstExcess(admitted, 1000), AllowedExcess(config));
  EXPECT_GE(UtilizationSince(10 * kSecond, config, admitted), 0.95);
}

TEST(AcquireFromStoreTest, RecoversFromClockSetBack) {
  const StoreQuota quota = MakeStoreQuota(MakeQuota(10, kSecond, 10), 3);
  std::int64_t tat = 1'000'000 * kSecond;
  EXPECT_EQ(AcquireFromStore(quota, &tat, kSecond, 0, 5), 0u);
  EXPECT_LE(tat, kSecond + 3 * kSecond);
  EXPECT_EQ(AcquireFromStore(quota, &tat, 5 * kSecond, 0, 5), 5u);
}

TEST(AcquireFromStoreTest, AlwaysChargesSpentCalls) {
  const StoreQuota quota = MakeStoreQuota(MakeQuota(10, kSecond, 10), 3);
  std::int64_t tat = 0;
  EXPECT_EQ(AcquireFromStore(quota, &tat, kSecond, 0, 100), 10u);
  EXPECT_EQ(AcquireFromStore(quota, &tat, kSecond, 5, 100), 0u);
  EXPECT_EQ(AcquireFromStore(quota, &tat, kSecond + 500 * kMs, 0, 100), 0u);
  EXPECT_EQ(AcquireFromStore(quota, &tat, kSecond + 600 * kMs, 0, 100), 1u);
}

}  // namespace
}  // namespace evalrun::ratelimit
