#include "tests/benchmark/health_watch.h"

#include <poll.h>

#include <algorithm>

#include "tests/benchmark/process_figures.h"
#include "tests/support/delete_client.h"

namespace evalrun::testing {
namespace {

constexpr int kPauseMs = 100;

template <typename Question>
void Ask(const Question& question, std::chrono::milliseconds* longest,
         HealthWatch::Report* report) {
  const auto start = std::chrono::steady_clock::now();
  ++report->asked;
  if (!question()) ++report->failed;
  *longest = std::max(*longest, std::chrono::ceil<std::chrono::milliseconds>(
                                    std::chrono::steady_clock::now() - start));
}

}  // namespace

HealthWatch::HealthWatch(const GatewayProcess* gateway)
    : gateway_(*gateway), thread_([this] { Run(); }) {}

HealthWatch::~HealthWatch() {
  if (thread_.joinable()) Stop();
}

HealthWatch::Report HealthWatch::Stop() {
  stop_.Open();
  thread_.join();
  return report_;
}

void HealthWatch::Run() {
  const DeleteClient client(gateway_.grpc_address());
  pollfd stop = {stop_.fd(), POLLIN, 0};
  do {
    Ask([&] { return gateway_.Get("/healthz").status == 200; }, &report_.healthz, &report_);
    Ask([&] { return gateway_.Metric("gateway_calls_in_flight").has_value(); }, &report_.metrics,
        &report_);
    Ask([&] { return client.CallRaw("/grpc.health.v1.Health/Check", "").response == "\x08\x01"; },
        &report_.check, &report_);
    report_.most_resident_kib =
        std::max(report_.most_resident_kib, FiguresOf(gateway_.process().pid()).resident_kib);
  } while (poll(&stop, 1, kPauseMs) == 0);
}

}  // namespace evalrun::testing
