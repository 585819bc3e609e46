// SPDX-License-Identifier: Apache-2.0
//
// soak: steady load with faults on the real gateway for a given time. Fails if the gateway leaks
// resources. Run by tests/soak/run.
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <curl/curl.h>

#include "tests/benchmark/latencies.h"
#include "tests/benchmark/load.h"
#include "tests/benchmark/process_stats.h"
#include "tests/benchmark/timed_upstream.h"
#include "tests/soak/faults.h"
#include "tests/soak/growth.h"
#include "tests/support/gateway_process.h"
#include "tests/support/latch.h"

namespace evalrun::testing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// After this time the gateway has released what it releases when idle.
constexpr auto kIdleTimeout = 30s;
// gRPC starts extra threads when those for its timers and closures are busy, and ends them later.
constexpr double kMaxGrpcThreads = 4;

struct Flags {
  int seconds = 1800;
  int window = 60;
  double calls_per_second = 300;
  bool is_short = false;
};

struct Sample {
  ProcessStats process;
  double connections = 0;
  double in_flight = 0;
};

Sample TakeSample(const GatewayProcess& gateway) {
  return {.process = ReadProcessStats(gateway.process().pid()),
          .connections = gateway.Metric("gateway_upstream_connections_open").value_or(-1),
          .in_flight = gateway.Metric("gateway_calls_in_flight").value_or(-1)};
}

double Median(const std::vector<Sample>& samples, const std::function<double(const Sample&)>& of) {
  std::vector<double> values;
  values.reserve(samples.size());
  for (const Sample& sample : samples) values.push_back(of(sample));
  if (values.empty()) return 0;
  const auto half = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, half);
  return *half;
}

// Collects results and samples into windows, and prints each window at its end. Thread-safe.
class WindowRecorder {
 public:
  explicit WindowRecorder(std::chrono::seconds window) : window_(window) {
    std::puts(
        "| minutes | calls | OK | p50 ms | p99 ms | RSS MiB | descriptors | threads | upstream "
        "connections | in flight |\n|---|---|---|---|---|---|---|---|---|---|");
  }

  void Add(const CallResult& result) {
    const std::lock_guard lock(mutex_);
    ++calls_;
    ++ends_[Name(result)];
    if (result.end == CallOutcome::kTimedOut || result.end == CallOutcome::kStreamLost)
      ++unanswered_;
    if (result.end == CallOutcome::kAnswered && result.code == 0) ok_.Add(result.duration);
  }

  void Add(const Sample& sample) {
    const std::lock_guard lock(mutex_);
    samples_.push_back(sample);
    if (Clock::now() - window_start_ >= window_) CloseWindow();
  }

  // The rest becomes a window if it is long enough to be compared with the others.
  void End() {
    const std::lock_guard lock(mutex_);
    if (Clock::now() - window_start_ >= window_ / 2) CloseWindow();
  }

  [[nodiscard]] const std::vector<SoakWindow>& windows() const { return windows_; }
  [[nodiscard]] const std::map<std::string, long>& ends() const { return ends_; }
  [[nodiscard]] long unanswered() const { return unanswered_; }

 private:
  static std::string Name(const CallResult& result) {
    switch (result.end) {
      case CallOutcome::kAnswered:
        return result.code == 0 ? "OK" : absl::StrCat("code ", result.code, " ", result.reason);
      case CallOutcome::kTimedOut:
        return "NO ANSWER";
      case CallOutcome::kCancelled:
        return "cancelled by the caller";
      case CallOutcome::kStreamLost:
        return "LOST";
      case CallOutcome::kConnectionCut:
        return "cut by the caller";
    }
    return "";
  }

  void CloseWindow() {
    const auto now = Clock::now();
    const auto median = [&](auto&& of) { return Median(samples_, of); };
    SoakWindow window = {
        .minutes = std::chrono::duration<double, std::ratio<60>>(now - start_).count(),
        .calls = std::exchange(calls_, 0),
        .ok = static_cast<long>(ok_.count()),
        .p50_ms = static_cast<double>(ok_.Quantile(0.5).count()) / 1000,
        .p99_ms = static_cast<double>(ok_.Quantile(0.99).count()) / 1000,
        .resident_kib =
            median([](const Sample& s) { return static_cast<double>(s.process.resident_kib); }),
        .descriptors =
            median([](const Sample& s) { return static_cast<double>(s.process.descriptors); }),
        .threads = median([](const Sample& s) { return static_cast<double>(s.process.threads); }),
        .upstream_connections = median([](const Sample& s) { return s.connections; }),
        .in_flight = median([](const Sample& s) { return s.in_flight; })};
    std::puts(absl::StrFormat("| %.1f | %d | %d | %.1f | %.1f | %.1f | %.0f | %.0f | %.0f | %.0f |",
                              window.minutes, window.calls, window.ok, window.p50_ms, window.p99_ms,
                              window.resident_kib / 1024, window.descriptors, window.threads,
                              window.upstream_connections, window.in_flight)
                  .c_str());
    std::fflush(stdout);
    windows_.push_back(window);
    samples_.clear();
    ok_ = {};
    window_start_ = now;
  }

  const Clock::duration window_;
  const Clock::time_point start_ = Clock::now();
  std::mutex mutex_;
  Clock::time_point window_start_ = start_;
  long calls_ = 0;
  long unanswered_ = 0;
  Latencies ok_;
  std::vector<Sample> samples_;
  std::vector<SoakWindow> windows_;
  std::map<std::string, long> ends_;
};

LoadOptions Options(const GatewayProcess& gateway) {
  LoadOptions options;
  options.address = gateway.grpc_address();
  options.connections = 8;
  options.plan = SoakCall;
  options.patience = 10s;
  return options;
}

// Makes more concurrent calls than the steady load ever has, so that pools reach their full size
// before memory is measured.
void WarmUp(const GatewayProcess& gateway) {
  LoadOptions options = Options(gateway);
  options.duration = 3s;
  options.concurrency = 500;
  options.on_result = [](const CallResult&) {};
  RunLoad(options);
}

void Soak(const Flags& flags, const GatewayProcess& gateway, WindowRecorder* recorder) {
  const Latch stop;
  std::thread sampler([&] {
    pollfd fd = {stop.fd(), POLLIN, 0};
    const int pause_ms = flags.window * 1000 / 50;
    while (poll(&fd, 1, pause_ms) == 0) recorder->Add(TakeSample(gateway));
  });
  LoadOptions options = Options(gateway);
  options.duration = std::chrono::seconds(flags.seconds);
  options.calls_per_second = flags.calls_per_second;
  options.calls_per_connection = 100;
  options.cut_connections = true;
  options.on_result = [recorder](const CallResult& result) { recorder->Add(result); };
  RunLoad(options);
  stop.Open();
  sampler.join();
  recorder->End();
}

// Checks whether all resources are released when there are no calls. `before` was measured before
// the load.
std::vector<std::string> LeakedResources(const GatewayProcess& gateway, const Sample& before) {
  const auto deadline = Clock::now() + kIdleTimeout;
  std::vector<std::string> kept;
  do {
    kept.clear();
    const Sample now = TakeSample(gateway);
    const auto check = [&](const char* what, double is, double most) {
      if (is < 0 || is > most) {
        kept.push_back(absl::StrFormat("%s: %.0f when idle; expected %.0f", what, is, most));
      }
    };
    check("gateway_calls_in_flight", now.in_flight, 0);
    check("gateway_upstream_connections_open", now.connections, 0);
    check("open descriptors", static_cast<double>(now.process.descriptors),
          static_cast<double>(before.process.descriptors));
    check("threads", static_cast<double>(now.process.threads),
          static_cast<double>(before.process.threads) + kMaxGrpcThreads);
    if (kept.empty()) break;
    poll(nullptr, 0, 200);
  } while (Clock::now() < deadline);
  return kept;
}

int Run(const Flags& flags) {
  TimedUpstream upstream(SoakReply);
  GatewayProcess gateway(
      {.upstream = upstream.url(),
       .flags = {"--upstream-timeout", "1s", "--upstream-idle-connection-age", "2s",
                 "--upstream-connection-lifetime", "20s", "--retry-initial-backoff", "5ms",
                 "--retry-budget-percent", "20"},
       .max_lines = 100});
  WarmUp(gateway);
  std::vector<std::string> faults = LeakedResources(gateway, TakeSample(gateway));
  const Sample before = TakeSample(gateway);

  WindowRecorder recorder(std::chrono::seconds(flags.window));
  Soak(flags, gateway, &recorder);
  const std::vector<std::string> kept = LeakedResources(gateway, before);
  faults.insert(faults.end(), kept.begin(), kept.end());

  std::puts("\nHow calls ended:");
  for (const auto& [end, count] : recorder.ends()) std::printf("%9ld  %s\n", count, end.c_str());
  SoakLimits limits;
  limits.threads = kMaxGrpcThreads;
  if (flags.is_short) {
    limits.resident_kib = 6144;
    limits.p50_ms = 1e9;  // other tests keep the machine busy
  }
  const std::vector<std::string> grew = FindGrowth(recorder.windows(), limits);
  faults.insert(faults.end(), grew.begin(), grew.end());
  if (recorder.windows().size() < 4) faults.emplace_back("fewer than 4 windows show nothing");
  long calls = 0;
  for (const auto& [end, count] : recorder.ends()) calls += count;
  const auto ok = recorder.ends().find("OK");
  if (ok == recorder.ends().end() || ok->second < calls / 2) {
    faults.emplace_back("fewer than half of the calls were OK");
  }
  if (recorder.unanswered() > 0) {
    faults.push_back(
        absl::StrFormat("%d calls were left without a response", recorder.unanswered()));
  }
  if (gateway.process().pid() > 0 && TakeSample(gateway).process.threads == 0) {
    faults.emplace_back("the gateway has gone");
  }
  for (const std::string& fault : faults) std::printf("FAILED: %s\n", fault.c_str());
  if (faults.empty()) std::puts("\nflat: memory, descriptors, threads, latency; nothing is kept");
  return faults.empty() ? 0 : 1;
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Steady load with faults on the real gateway; fails when it is not flat.");
  app.add_option("--seconds", flags.seconds);
  app.add_option("--window", flags.window, "seconds for each row of the table");
  app.add_option("--rate", flags.calls_per_second, "calls per second");
  app.add_flag("--short", flags.is_short, "do not judge latency, and memory less strictly");
  CLI11_PARSE(app, argc, argv);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  const int status = Run(flags);
  curl_global_cleanup();
  return status;
}

}  // namespace
}  // namespace evalrun::testing

int main(int argc, char** argv) { return evalrun::testing::Main(argc, argv); }
