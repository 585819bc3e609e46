// SPDX-License-Identifier: Apache-2.0
//
// More load than the gateway's core can serve: some connections are closed, so that the others do
// not have to wait.
#include <chrono>
#include <cstdint>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/benchmark/load.h"
#include "tests/benchmark/timed_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/grpc_version.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

struct CallCounts {
  std::uint64_t ok = 0;
  std::uint64_t disconnected = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t other = 0;
};

class OverloadTest : public ::testing::Test {
 protected:
  void SetUp() override { SKIP_WITHOUT_GRPC_HOOKS(); }

  // Several times the capacity.
  static LoadOptions More() {
    LoadOptions options;
    options.connections = 16;
    options.calls_per_second = 100'000;
    options.duration = std::chrono::seconds(2);
    return options;
  }
  // Ten callers with a hundred concurrent calls each, only once.
  static LoadOptions BurstOptions() {
    LoadOptions options;
    options.connections = 10;
    options.calls_per_second = 1'000'000;
    options.duration = std::chrono::milliseconds(1);
    return options;
  }

  static CallCounts RunCalls(const GatewayProcess& gateway, LoadOptions options) {
    CallCounts counts;
    options.address = gateway.grpc_address();
    options.plan = [](std::uint64_t) { return CallPlan{.timeout = std::chrono::seconds(2)}; };
    options.on_result = [&](const CallResult& result) {
      if (result.end == CallOutcome::kAnswered && result.code == 0) {
        ++counts.ok;
      } else if (result.end == CallOutcome::kStreamLost || result.code == grpc::UNAVAILABLE) {
        ++counts.disconnected;
      } else if (result.end == CallOutcome::kTimedOut || result.code == grpc::DEADLINE_EXCEEDED) {
        ++counts.timed_out;
      } else {
        ++counts.other;
      }
    };
    RunLoad(options);
    return counts;
  }

  [[nodiscard]] GatewayProcess::Options Options(const std::string& max_wait) const {
    return {.upstream = upstream_.url(),
            .flags = {"--server-max-receive-wait", max_wait, "--upstream-max-in-flight", "10000",
                      "--server-max-concurrent-streams", "500"},
            .max_lines = 100};
  }

  TimedUpstream upstream_{[](std::uint64_t) { return TimedReply{.bytes = HttpReply(204)}; }};
};

TEST_F(OverloadTest, ClosesConnectionsUnderOverload) {
  GatewayProcess gateway(Options("1ms"));
  const CallCounts counts = RunCalls(gateway, More());
  EXPECT_GT(counts.disconnected, 0);
  EXPECT_GT(counts.ok, 0);
  EXPECT_EQ(counts.other, 0);
  EXPECT_GT(gateway.Metric("gateway_connections_shed_total"), 0);
  EXPECT_THAT(DeleteClient(gateway.grpc_address()).Delete(), HasCode(grpc::OK))
      << "the gateway works normally again";
  EXPECT_EQ(gateway.Metric("gateway_calls_in_flight"), 0);
}

TEST_F(OverloadTest, ServesEveryCallOfABurst) {
  GatewayProcess gateway(Options("1ms"));
  for (int i = 0; i < 5; ++i) {
    const CallCounts counts = RunCalls(gateway, BurstOptions());
    EXPECT_EQ(counts.ok, 1000);
  }
  EXPECT_EQ(gateway.Metric("gateway_connections_shed_total"), 0);
}

TEST_F(OverloadTest, ClosesNoConnectionWithoutMaxReceiveWait) {
  GatewayProcess gateway(Options("0s"));
  const CallCounts counts = RunCalls(gateway, More());
  EXPECT_GT(counts.ok, 0);
  EXPECT_GT(counts.timed_out, 0);
  EXPECT_EQ(counts.disconnected, 0);
  EXPECT_EQ(counts.other, 0);
  EXPECT_EQ(gateway.Metric("gateway_connections_shed_total"), 0);
}

}  // namespace
}  // namespace evalrun::testing
