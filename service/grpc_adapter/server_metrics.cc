// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/server_metrics.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>

#include "service/grpc_adapter/connection_reporter.h"
#include "service/grpc_adapter/grpc_server.h"
#include "service/observability/limit_metrics.h"
#include "service/observability/metric_family.h"

namespace evalrun::grpc_adapter {

namespace {

std::vector<std::pair<std::string, double>> CountByCause(const ConnectionReporter& reporter,
                                                         bool rejected) {
  std::vector<std::pair<std::string, double>> counts;
  for (std::size_t i = 0; i < kConnectionEnds; ++i) {
    const auto end = static_cast<ConnectionEnd>(i);
    if (IsRejection(end) != rejected) continue;
    counts.emplace_back(ToString(end), static_cast<double>(reporter.count(end)));
  }
  return counts;
}

}  // namespace

std::vector<prometheus::MetricFamily> ServerMetrics::Collect() const {
  using observability::MakeCounterFamily;
  using observability::MakeGaugeFamily;
  using Seconds = std::chrono::duration<double>;
  // Before the sample, which is posted to the loop.
  const double lag = Seconds(server_.loop().Lag()).count();
  const GrpcServer::Sample sample = server_.TakeSample();
  const auto opened = static_cast<double>(server_.http().connections_opened());
  const auto closed = static_cast<double>(server_.http().connections_closed());
  std::vector<prometheus::MetricFamily> families = {
      MakeGaugeFamily("gateway_event_loop_lag_seconds",
                      "How long an iteration of the event loop has been due; 0: none is.", lag),
      MakeGaugeFamily("gateway_calls_in_flight", "RPCs that have not been answered yet.",
                      static_cast<double>(server_.calls_in_flight())),
      MakeCounterFamily("gateway_connections_accepted_total",
                        "Connections of callers that were accepted.",
                        static_cast<double>(server_.listener().accepted())),
      MakeCounterFamily("gateway_connections_closed_no_descriptor_total",
                        "Connections of callers that were closed at once: no descriptor was left.",
                        static_cast<double>(server_.listener().closed_without_descriptor())),
      MakeGaugeFamily("gateway_connections_open", "Connections of callers that are open.",
                      static_cast<double>(sample.connections_open)),
      MakeCounterFamily("gateway_connections_rejected_total",
                        "Connections of callers that were closed at once: there were too many.",
                        "cause", CountByCause(server_.connections(), /*rejected=*/true)),
      MakeCounterFamily("gateway_connections_closed_total",
                        "Connections of callers that were closed because of what they sent.",
                        "cause", CountByCause(server_.connections(), /*rejected=*/false)),
      MakeCounterFamily("gateway_calls_client_timeout_total",
                        "Calls that were cancelled because they waited too long for their client.",
                        static_cast<double>(server_.accounting().timed_out())),
      MakeCounterFamily("gateway_connections_shed_total",
                        "Connections of callers that were ended under overload.",
                        static_cast<double>(server_.loop().connections_shed())),
      MakeGaugeFamily("gateway_upstream_connections_open",
                      "TCP connections to the upstream, idle ones included.",
                      std::max(0.0, opened - closed)),
      MakeCounterFamily("gateway_upstream_connections_opened_total",
                        "TCP connections to the upstream that were begun.", opened),
      MakeGaugeFamily("gateway_retry_budget_retries", "Retries that the budget allows now.",
                      static_cast<double>(sample.retry_budget_saved)),
      MakeCounterFamily("gateway_hold_backs_total", "Times that a 429 began to hold calls back.",
                        static_cast<double>(sample.retry_after_gate_closures)),
      MakeGaugeFamily("gateway_hold_back_remaining_seconds",
                      "How much longer the hold-back after a 429 lasts; 0: there is none.",
                      Seconds(sample.retry_after_gate_remaining).count()),
      MakeGaugeFamily("gateway_deletions_enabled",
                      "1: runs are deleted. 0: all deletions are stopped by `deletions_enabled`.",
                      sample.deletions_enabled ? 1 : 0),
      MakeGaugeFamily("gateway_protected_runs", "Runs that are protected from deletion.",
                      static_cast<double>(sample.protected_runs))};
  std::ranges::move(observability::MakeLimitFamilies(sample.limits), std::back_inserter(families));
  return families;
}

}  // namespace evalrun::grpc_adapter
