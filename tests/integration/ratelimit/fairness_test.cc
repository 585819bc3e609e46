// SPDX-License-Identifier: Apache-2.0
//
// An upstream with a quota, and a caller that sends a hundred times its share: other callers are
// not affected, whether the gateway holds calls back after a 429 or not.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "service/ratelimit/gcra.h"
#include "tests/benchmark/load.h"
#include "tests/benchmark/timed_upstream.h"
#include "tests/support/config_file.h"
#include "tests/support/gateway_process.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using ratelimit::MakeQuota;
using ratelimit::Quota;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr int kModestCallers = 20;        // callers, each with half of its share
constexpr double kCallsPerSecond = 2200;  // one in eleven is a modest caller's

// Chosen at random, because callers are not synchronized with the upstream. At a fixed rate the
// upstream has capacity for three out of eleven calls; if every eleventh were a modest caller's,
// either all or none of those would be admitted.
bool IsModest(std::uint64_t number) { return std::mt19937_64(number)() % 11 == 0; }

// Responds with 429 beyond its quota.
class QuotaUpstream {
 public:
  TimedReply Reply() {
    const std::int64_t now =
        std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
    if (ratelimit::gcra::WaitTime(kQuota, tat_, now) > 0) {
      return {.bytes = ApiErrorReply(429, "quota.limit_exceeded", "retry-after: 1\r\n")};
    }
    tat_ = ratelimit::gcra::NextTat(kQuota, tat_, now);
    return {.bytes = HttpReply(204)};
  }

 private:
  static constexpr Quota kQuota = MakeQuota(600, kSecond, 600);
  std::int64_t tat_ = 0;
};

struct CallCounts {
  int calls = 0;
  int succeeded = 0;
  [[nodiscard]] double success() const { return static_cast<double>(succeeded) / calls; }
};

struct CallerStats {
  CallCounts modest;
  CallCounts greedy;
};

CallerStats RunCalls(const std::string& rules, const std::string& hold_back) {
  QuotaUpstream vendor;
  TimedUpstream upstream([&vendor](std::uint64_t) { return vendor.Reply(); });
  const ConfigFile config(
      "identity: {metadata_key: x-caller, trusted_networks: [127.0.0.1]}\n"
      "log: {access_log: false}\n"
      "limits: {rules: [" +
      rules + "]}\n");
  GatewayProcess gateway(
      {.upstream = upstream.url(),
       .flags = {"--config", config.path(), "--upstream-max-hold-back", hold_back}});
  CallerStats stats;
  LoadOptions options;
  options.address = gateway.grpc_address();
  options.duration = std::chrono::seconds(6);
  options.calls_per_second = kCallsPerSecond;
  options.plan = [&](std::uint64_t number) {
    return CallPlan{.timeout = std::chrono::seconds(10),
                    .caller = IsModest(number) ? "modest-" + std::to_string(number % kModestCallers)
                                               : "greedy"};
  };
  options.on_result = [&](const CallResult& result) {
    CallCounts& share = IsModest(result.number) ? stats.modest : stats.greedy;
    ++share.calls;
    if (result.end == CallOutcome::kAnswered && result.code == 0) ++share.succeeded;
  };
  RunLoad(options);
  return stats;
}

class FairnessTest : public ::testing::TestWithParam<const char*> {};

TEST_P(FairnessTest, GreedyCallerDoesNotAffectOthers) {
  const CallerStats stats = RunCalls(
      "{name: per-caller, by: caller, rate: 20/s, burst: 40}, "
      "{name: vendor, by: upstream_key, rate: 500/s, burst: 500}",
      GetParam());
  EXPECT_GT(stats.modest.calls, 1000);
  EXPECT_GE(stats.modest.success(), 0.999) << stats.modest.succeeded;
  EXPECT_LT(stats.greedy.success(), 0.03) << "not more than its share";
}

TEST_P(FairnessTest, GreedyCallerAffectsOthersWithoutLimits) {
  const CallerStats stats = RunCalls("", GetParam());
  EXPECT_LT(stats.modest.success(), 0.9) << "otherwise the other test would prove nothing";
}

INSTANTIATE_TEST_SUITE_P(HoldBack, FairnessTest, ::testing::Values("0s", "10s"),
                         [](const auto& value) {
                           return std::string(value.param) == "0s" ? "Off" : "On";
                         });

}  // namespace
}  // namespace evalrun::testing
