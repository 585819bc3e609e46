// SPDX-License-Identifier: Apache-2.0
//
// overload_benchmark: offers a gateway several loads in turn, and prints the outcomes as JSON. Run
// by tests/benchmark/overload, which repeats it and draws the curve.

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <curl/curl.h>
#include <grpcpp/support/status_code_enum.h>
#include <nlohmann/json.hpp>

#include "tests/benchmark/bind_to_core.h"
#include "tests/benchmark/health_watch.h"
#include "tests/benchmark/latencies.h"
#include "tests/benchmark/load.h"
#include "tests/benchmark/process_stats.h"
#include "tests/benchmark/timed_upstream.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using nlohmann::json;
using std::chrono::microseconds;
using std::chrono::milliseconds;

struct Flags {
  std::vector<double> loads = {0.25, 0.5, 1, 2, 3, 5, 0.5};
  std::vector<std::string> gateway_flags;
  double capacity = 0;
  int connections = 16;
  int seconds = 4;
  int warm_up_ms = 500;
  int timeout_ms = 2000;
  int upstream_delay_ms = 0;
  int gateway_core = 0;
  int load_core = 1;
};

Flags Parse(int argc, char** argv) {
  Flags flags;
  CLI::App app("Offers a gateway several loads and prints what became of them as JSON.");
  app.add_option("--loads", flags.loads, "multiples of the capacity, in order")->delimiter(',');
  app.add_option("--capacity", flags.capacity, "calls per second; 0: measured by a closed loop");
  app.add_option("--gateway-flag", flags.gateway_flags, "passed on to the gateway; repeatable");
  app.add_option("--connections", flags.connections, "of the callers");
  app.add_option("--seconds", flags.seconds, "for each load");
  app.add_option("--warm-up-ms", flags.warm_up_ms, "not looked at, at the start of each load");
  app.add_option("--timeout-ms", flags.timeout_ms, "of each call");
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

json ToJson(Latencies* latencies) {
  const auto ms = [&](double share) {
    return static_cast<double>(latencies->Quantile(share).count()) / 1000;
  };
  return {{"p50", ms(0.5)}, {"p90", ms(0.9)}, {"p99", ms(0.99)}, {"max", ms(1)}};
}

// Counts the calls that end within the measured part of a step.
class Counts {
 public:
  Counts(milliseconds from, milliseconds until) : from_(from), until_(until) {}

  void Add(const CallResult& result) {
    const microseconds ended = result.due + result.duration;
    if (ended < from_ || ended >= until_) return;
    if (result.end == CallOutcome::kAnswered && result.code == 0) {
      ok_.Add(result.duration);
    } else if (result.end == CallOutcome::kAnswered && result.code == grpc::RESOURCE_EXHAUSTED) {
      rejected_latency_.Add(result.duration);
      ++rejected_[result.reason];
    } else if (result.end == CallOutcome::kStreamLost ||
               (result.code == grpc::UNAVAILABLE && result.reason.empty())) {
      lost_.Add(result.duration);  // its connection ended
    } else if (result.end == CallOutcome::kTimedOut) {
      ++(result.was_sent ? expired_ : never_sent_);
    } else {
      ++other_[std::to_string(result.code) + " " + result.reason];
    }
  }

  json ToJson() {
    const double seconds = std::chrono::duration<double>(until_ - from_).count();
    const auto rate = [&](auto count) { return std::round(static_cast<double>(count) / seconds); };
    json rejected = json::object();
    for (const auto& [reason, count] : rejected_) rejected[reason] = rate(count);
    json other = json::object();
    for (const auto& [what, count] : other_) other[what] = count;
    return {{"goodput", rate(ok_.count())},
            {"ok_ms", testing::ToJson(&ok_)},
            {"rejected", rejected},
            {"rejected_ms", testing::ToJson(&rejected_latency_)},
            {"lost", rate(lost_.count())},
            {"lost_ms", testing::ToJson(&lost_)},
            {"expired", rate(expired_)},
            {"never_sent", rate(never_sent_)},
            {"other", other}};
  }

 private:
  const milliseconds from_;
  const milliseconds until_;
  Latencies ok_;
  Latencies rejected_latency_;
  Latencies lost_;
  std::map<std::string, std::uint64_t> rejected_;
  std::map<std::string, std::uint64_t> other_;
  std::uint64_t expired_ = 0;
  std::uint64_t never_sent_ = 0;
};

class Benchmark {
 public:
  explicit Benchmark(Flags flags) : flags_(std::move(flags)) {}

  json Run() {
    json steps = json::array();
    // The first calls pay for setting up connections and memory.
    RunClosedLoop();
    const double capacity = flags_.capacity > 0 ? flags_.capacity : RunClosedLoop();
    for (const double load : flags_.loads) steps.push_back(Step(load, capacity));
    return {{"capacity", capacity}, {"steps", steps}};
  }

 private:
  [[nodiscard]] LoadOptions Options() const {
    LoadOptions options;
    options.address = gateway_.grpc_address();
    options.connections = flags_.connections;
    options.plan = [timeout = milliseconds(flags_.timeout_ms)](std::uint64_t) {
      return CallPlan{.timeout = timeout};
    };
    return options;
  }

  double RunClosedLoop() {
    LoadOptions options = Options();
    options.duration = milliseconds(flags_.seconds * 500);
    options.concurrency = 64;
    std::uint64_t ok = 0;
    options.on_result = [&](const CallResult& result) { ok += result.code == 0 ? 1 : 0; };
    RunLoad(options);
    return std::round(static_cast<double>(ok) * 1000 /
                      static_cast<double>(options.duration.count()));
  }

  json Step(double load, double capacity) {
    LoadOptions options = Options();
    options.duration = std::chrono::seconds(flags_.seconds);
    options.calls_per_second = load * capacity;
    Counts counts(milliseconds(flags_.warm_up_ms), options.duration);
    options.on_result = [&](const CallResult& result) { counts.Add(result); };

    const milliseconds cpu_before = ReadProcessStats(gateway_.process().pid()).cpu;
    const std::uint64_t requests_before = upstream_.requests();
    HealthWatch watch(&gateway_);
    const auto start = std::chrono::steady_clock::now();
    const LoadStats report = RunLoad(options);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    HealthWatch::Stats health = watch.Stop();
    const ProcessStats process_stats = ReadProcessStats(gateway_.process().pid());

    json step = counts.ToJson();
    step["load"] = load;
    step["offered"] = std::round(options.calls_per_second);
    step["upstream_requests"] = upstream_.requests() - requests_before;
    step["generator_lag_p99_ms"] = static_cast<double>(report.p99_lag.count()) / 1000;
    step["gateway_cores"] =
        std::chrono::duration<double>(process_stats.cpu - cpu_before).count() / took.count();
    step["gateway_mib"] = health.peak_resident_kib / 1024;
    step["health"] = {{"healthz_max_ms", health.healthz.count()},
                      {"metrics_max_ms", health.metrics.count()},
                      {"check_max_ms", health.check.count()},
                      {"check_ms", testing::ToJson(&health.checks)},
                      {"asked", health.asked},
                      {"failed", health.failed}};
    return step;
  }

  const Flags flags_;
  TimedUpstream upstream_{[this](std::uint64_t) {
    return TimedReply{.bytes = HttpReply(204), .delay = milliseconds(flags_.upstream_delay_ms)};
  }};
  GatewayProcess gateway_{{.upstream = upstream_.url(),
                           .flags = flags_.gateway_flags,
                           .core = flags_.gateway_core,
                           .max_lines = 100}};
};

int Main(int argc, char** argv) {
  const Flags flags = Parse(argc, argv);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  BindToCore(flags.load_core);
  std::cout << Benchmark(flags).Run().dump() << std::endl;
  curl_global_cleanup();
  return 0;
}

}  // namespace
}  // namespace evalrun::testing

int main(int argc, char** argv) { return evalrun::testing::Main(argc, argv); }
