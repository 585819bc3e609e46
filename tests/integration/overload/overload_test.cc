// More than the gateway's core can serve: connections end rather than that everybody waits.
#include <chrono>
#include <cstdint>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/benchmark/load.h"
#include "tests/benchmark/timed_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

struct Outcome {
  std::uint64_t ok = 0;
  std::uint64_t lost = 0;
  std::uint64_t late = 0;
  std::uint64_t other = 0;
};

class OverloadTest : public ::testing::Test {
 protected:
  // Several times what can be served.
  static LoadOptions More() {
    LoadOptions options;
    options.connections = 16;
    options.calls_per_second = 100'000;
    options.duration = std::chrono::seconds(2);
    return options;
  }
  // Ten callers with a hundred calls each at once, and no more.
  static LoadOptions Burst() {
    LoadOptions options;
    options.connections = 10;
    options.calls_per_second = 1'000'000;
    options.duration = std::chrono::milliseconds(1);
    return options;
  }

  static Outcome Serve(const GatewayProcess& gateway, LoadOptions options) {
    Outcome outcome;
    options.address = gateway.grpc_address();
    options.plan = [](std::uint64_t) { return CallPlan{.timeout = std::chrono::seconds(2)}; };
    options.on_result = [&](const CallResult& result) {
      if (result.end == CallEnd::kAnswered && result.code == 0) {
        ++outcome.ok;
      } else if (result.end == CallEnd::kLost || result.code == grpc::UNAVAILABLE) {
        ++outcome.lost;
      } else if (result.end == CallEnd::kGivenUp || result.code == grpc::DEADLINE_EXCEEDED) {
        ++outcome.late;
      } else {
        ++outcome.other;
      }
    };
    RunLoad(options);
    return outcome;
  }

  [[nodiscard]] GatewayProcess::Options Options(const std::string& longest_wait) const {
    return {
        .upstream = upstream_.url(),
        .flags = {"--server-max-receive-wait", longest_wait, "--upstream-max-in-flight", "10000"},
        .most_lines = 100};
  }

  TimedUpstream upstream_{[](std::uint64_t) { return TimedReply{.bytes = HttpReply(204)}; }};
};

TEST_F(OverloadTest, ConnectionsEndWhenTheOthersDoNotGetThrough) {
  GatewayProcess gateway(Options("1ms"));
  const Outcome outcome = Serve(gateway, More());
  EXPECT_GT(outcome.lost, 0);
  EXPECT_GT(outcome.ok, 0);
  EXPECT_EQ(outcome.other, 0);
  EXPECT_GT(gateway.Metric("gateway_connections_shed_total"), 0);
  EXPECT_THAT(DeleteClient(gateway.grpc_address()).Delete(), HasCode(grpc::OK))
      << "afterwards all is as before";
  EXPECT_EQ(gateway.Metric("gateway_calls_in_flight"), 0);
}

TEST_F(OverloadTest, OfABurstEveryCallIsServed) {
  GatewayProcess gateway(Options("1ms"));
  for (int i = 0; i < 5; ++i) {
    const Outcome outcome = Serve(gateway, Burst());
    EXPECT_EQ(outcome.ok, 1000);
  }
  EXPECT_EQ(gateway.Metric("gateway_connections_shed_total"), 0);
}

TEST_F(OverloadTest, WithoutALongestWaitNoneEnds) {
  GatewayProcess gateway(Options("0s"));
  const Outcome outcome = Serve(gateway, More());
  EXPECT_GT(outcome.ok, 0);
  EXPECT_GT(outcome.late, 0);
  EXPECT_EQ(outcome.lost, 0);
  EXPECT_EQ(outcome.other, 0);
  EXPECT_EQ(gateway.Metric("gateway_connections_shed_total"), 0);
}

}  // namespace
}  // namespace evalrun::testing
