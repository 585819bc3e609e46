// SPDX-License-Identifier: Apache-2.0

#include "service/admin_sources.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <string>
#include <string_view>
#include <vector>

#include <absl/strings/str_cat.h>
#include <curl/curl.h>
#include <grpcpp/grpcpp.h>

#include "service/config/load_config.h"
#include "service/observability/library_log.h"
#include "service/observability/status_json.h"

namespace evalrun::service {
namespace {

using std::chrono::system_clock;

std::string UnhealthyReason(const RunningGateway& gateway) {
  const auto lag = gateway.server->loop().Lag();
  if (lag <= gateway.max_event_loop_lag) return {};
  return absl::StrCat("the event loop has not responded for ",
                      std::chrono::floor<std::chrono::seconds>(lag).count(), " s");
}

std::string NotReadyReason(const RunningGateway& gateway) {
  if (*gateway.draining) return "shutting down";
  if (!gateway.server->listener().accepting()) return "no connections can be accepted";
  return UnhealthyReason(gateway);
}

std::string_view LevelName(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::warn:
      return "warn";
    case spdlog::level::err:
      return "error";
    default:
      return "info";
  }
}

// In Kubernetes the name of the pod.
std::string HostName() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

bool SetLevel(const RunningGateway& gateway, std::string_view name) {
  for (const auto level :
       {spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err}) {
    if (LevelName(level) != name) continue;
    const auto before = gateway.event_logger->level();
    // Whichever level writes more gets to say it.
    gateway.event_logger->set_level(std::min(before, level));
    gateway.events->Write(spdlog::level::warn, "log_level_changed",
                          {{"from", LevelName(before)}, {"to", name}});
    gateway.event_logger->set_level(level);
    observability::LibraryLog::SetLevel(level);
    return true;
  }
  return false;
}

}  // namespace

admin::AdminSources MakeAdminSources(const RunningGateway& gateway) {
  const auto log_level = [gateway] {
    return std::string(LevelName(gateway.event_logger->level()));
  };
  return {
      .metrics =
          [gateway] {
            gateway.process->Update();
            return gateway.metrics->Expose();
          },
      .unhealthy_reason = [gateway] { return UnhealthyReason(gateway); },
      .not_ready_because = [gateway] { return NotReadyReason(gateway); },
      .config = [gateway] { return *gateway.shown_config->Get(); },
      .status_json =
          [gateway, log_level, host = HostName()] {
            gateway.process->Update();
            const auto steady_now = std::chrono::steady_clock::now();
            return observability::StatusJson(
                {.version = std::string(config::Version()),
                 .host = host,
                 .replicas = *gateway.replicas,
                 .upstream = gateway.upstream,
                 .started_at = gateway.process->started_at(),
                 .now = system_clock::now(),
                 .not_ready_because = NotReadyReason(gateway),
                 .log_level = log_level(),
                 .metrics = gateway.metrics->Collect(),
                 .errors = gateway.errors->LatestFirst(system_clock::now()),
                 .limits = gateway.server->TakeSample().limits,
                 .top_callers = gateway.top_callers->Top(steady_now),
                 .slowest_calls = gateway.slowest_calls->SlowestFirst(steady_now),
                 .history = gateway.history->Samples(gateway.metrics->Totals(),
                                                     gateway.server->calls_in_flight(), steady_now),
                 .history_read_at = steady_now});
          },
      .log_level = log_level,
      .set_log_level = [gateway](const std::string& level) { return SetLevel(gateway, level); }};
}

std::map<std::string, std::string> BuildLabels(const grpc_adapter::GrpcHooks& hooks) {
  return {{"version", std::string(config::Version())},
          {"grpc_version", grpc::Version()},
          {"grpc_hooks", hooks.active ? "active" : "inactive"},
          {"libcurl_version", curl_version_info(CURLVERSION_NOW)->version}};
}

}  // namespace evalrun::service
