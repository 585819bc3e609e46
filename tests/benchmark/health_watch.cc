// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/health_watch.h"

#include <poll.h>

#include <algorithm>

#include "tests/benchmark/process_stats.h"
#include "tests/support/delete_client.h"

namespace evalrun::testing {
namespace {

constexpr int kProbeIntervalMs = 100;

template <typename ProbeFunction>
void Probe(const ProbeFunction& probe, std::chrono::milliseconds* longest,
           HealthWatch::Stats* report) {
  const auto start = std::chrono::steady_clock::now();
  ++report->asked;
  if (!probe()) ++report->failed;
  *longest = std::max(*longest, std::chrono::ceil<std::chrono::milliseconds>(
                                    std::chrono::steady_clock::now() - start));
}

}  // namespace

HealthWatch::HealthWatch(const GatewayProcess* gateway)
    : gateway_(*gateway), thread_([this] { Run(); }) {}

HealthWatch::~HealthWatch() {
  if (thread_.joinable()) Stop();
}

HealthWatch::Stats HealthWatch::Stop() {
  stop_.Open();
  thread_.join();
  return stats_;
}

void HealthWatch::Run() {
  const DeleteClient client(gateway_.grpc_address());
  pollfd stop = {stop_.fd(), POLLIN, 0};
  do {
    Probe([&] { return gateway_.Get("/healthz").status == 200; }, &stats_.healthz, &stats_);
    Probe([&] { return gateway_.Metric("gateway_calls_in_flight").has_value(); }, &stats_.metrics,
          &stats_);
    const auto start = std::chrono::steady_clock::now();
    Probe([&] { return client.CallRaw("/grpc.health.v1.Health/Check", "").response == "\x08\x01"; },
          &stats_.check, &stats_);
    stats_.checks.Add(
        std::chrono::ceil<std::chrono::microseconds>(std::chrono::steady_clock::now() - start));
    stats_.peak_resident_kib =
        std::max(stats_.peak_resident_kib, ReadProcessStats(gateway_.process().pid()).resident_kib);
  } while (poll(&stop, 1, kProbeIntervalMs) == 0);
}

}  // namespace evalrun::testing
