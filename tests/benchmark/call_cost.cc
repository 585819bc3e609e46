// SPDX-License-Identifier: Apache-2.0
//
// call_cost: measures the cost of one call to a gateway on one path under one load, and prints it
// as a line of JSON. Run by tests/benchmark/cost and tests/benchmark/instructions, which repeat it
// and compare.

#include <algorithm>
#include <csignal>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <curl/curl.h>
#include <nlohmann/json.hpp>

#include "tests/benchmark/bind_to_core.h"
#include "tests/benchmark/latencies.h"
#include "tests/benchmark/load.h"
#include "tests/benchmark/process_stats.h"
#include "tests/benchmark/timed_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

struct Flags {
  std::string path = "ok";
  std::vector<std::string> gateway_flags;
  std::size_t in_flight = 25;
  double rate = 0;
  int connections = 4;
  bool tls = false;
  double seconds = 3;
  int warm_up_ms = 1000;
  int upstream_delay_ms = 0;
  int gateway_core = 0;
  int load_core = 1;
  std::uint64_t callers = 0;
};

Flags Parse(int argc, char** argv) {
  Flags flags;
  CLI::App app("Prints what one call costs the gateway, as JSON.");
  app.add_option("--path", flags.path)
      ->check(CLI::IsMember({"ok", "not_found", "invalid_id", "retry"}));
  app.add_option("--gateway-flag", flags.gateway_flags, "passed on to the gateway; repeatable");
  app.add_option("--in-flight", flags.in_flight, "calls under way, as a closed loop");
  app.add_option("--rate", flags.rate, "calls per second, as an open loop instead");
  app.add_option("--connections", flags.connections, "of the callers");
  app.add_flag("--tls", flags.tls, "of the callers, to a gateway that speaks TLS");
  app.add_option("--callers", flags.callers, "names in x-caller, in turn; 0: none");
  app.add_option("--seconds", flags.seconds, "that are looked at");
  app.add_option("--warm-up-ms", flags.warm_up_ms, "not looked at");
  app.add_option("--upstream-delay-ms", flags.upstream_delay_ms, "before each response");
  app.add_option("--gateway-core", flags.gateway_core, "-1: any");
  app.add_option("--load-core", flags.load_core, "of callers and upstream; -1: any");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return flags;
}

// The upstream's response for each path.
std::string ReplyTo(const std::string& path, std::uint64_t number) {
  if (path == "not_found") return ApiErrorReply(404, "resource.not_found");
  if (path == "retry" && number % 2 == 0) return HttpReply(503);
  return HttpReply(204);
}

json Measure(const Flags& flags) {
  TimedUpstream upstream([&](std::uint64_t number) {
    return TimedReply{.bytes = ReplyTo(flags.path, number),
                      .delay = milliseconds(flags.upstream_delay_ms)};
  });
  GatewayProcess gateway({.upstream = upstream.url(),
                          .flags = flags.gateway_flags,
                          .core = flags.gateway_core,
                          .max_lines = 100});
  LoadOptions options;
  options.address = gateway.grpc_address();
  options.connections = flags.connections;
  options.tls = flags.tls;
  options.concurrency = flags.rate > 0 ? 0 : flags.in_flight;
  options.calls_per_second = flags.rate;
  if (flags.path == "invalid_id") options.eval_run_uuid = "not-an-id";
  // Under valgrind a call takes a hundred times as long.
  options.plan = [&](std::uint64_t number) {
    CallPlan plan{.timeout = std::chrono::seconds(20)};
    if (flags.callers > 0) plan.caller = "team-" + std::to_string(number % flags.callers);
    return plan;
  };

  options.duration = milliseconds(flags.warm_up_ms);
  options.on_result = [](const CallResult&) {};
  if (flags.warm_up_ms > 0) RunLoad(options);

  options.duration = milliseconds(static_cast<int>(flags.seconds * 1000));
  Latencies latencies;
  std::map<std::string, std::uint64_t> codes;
  options.on_result = [&](const CallResult& result) {
    latencies.Add(result.duration);
    ++codes[result.end == CallOutcome::kAnswered ? std::to_string(result.code) : "none"];
  };
  const milliseconds cpu_before = ReadProcessStats(gateway.process().pid()).cpu;
  const auto start = std::chrono::steady_clock::now();
  const LoadStats report = RunLoad(options);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const ProcessStats process_stats = ReadProcessStats(gateway.process().pid());
  // So that a tool around the gateway, such as valgrind, writes its results.
  gateway.process().Signal(SIGTERM);
  gateway.process().WaitForExit(std::chrono::seconds(60));

  const auto calls = static_cast<double>(report.calls);
  return {
      {"calls", report.calls},
      {"codes", codes},
      {"calls_per_second", calls / took.count()},
      {"cpu_us_per_call",
       std::chrono::duration<double, std::micro>(process_stats.cpu - cpu_before).count() / calls},
      {"p50_us", latencies.Quantile(0.5).count()},
      {"p99_us", latencies.Quantile(0.99).count()},
      {"generator_lag_p99_us", report.p99_lag.count()},
      {"rss_mib", static_cast<double>(process_stats.peak_resident_kib) / 1024}};
}

int Main(int argc, char** argv) {
  const Flags flags = Parse(argc, argv);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  BindToCore(flags.load_core);
  std::cout << Measure(flags).dump() << std::endl;
  curl_global_cleanup();
  return 0;
}

}  // namespace
}  // namespace evalrun::testing

int main(int argc, char** argv) { return evalrun::testing::Main(argc, argv); }
