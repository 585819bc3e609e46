#include "service/admin_sources.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <curl/curl.h>
#include <grpcpp/grpcpp.h>

#include "service/config/load_config.h"
#include "service/observability/grpc_log_capture.h"
#include "service/observability/status_json.h"

namespace evalrun::service {
namespace {

using std::chrono::system_clock;

std::string NotReadyReason(const RunningGateway& gateway) {
  return *gateway.draining ? "shutting down" : "";
}

observability::MetricsSnapshot Sample(const RunningGateway& gateway) {
  observability::MetricsSnapshot snapshot = gateway.server->Sample();
  snapshot.log_lines_dropped = gateway.sink->dropped_lines();
  gateway.process->Update();
  return snapshot;
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
    observability::GrpcLogCapture::SetLevel(level);
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
      .metrics = [gateway] { return gateway.metrics->Expose(Sample(gateway)); },
      .not_ready_because = [gateway] { return NotReadyReason(gateway); },
      .config = [gateway] { return *gateway.shown_config->Get(); },
      .status_json =
          [gateway, log_level] {
            const observability::MetricsSnapshot snapshot = Sample(gateway);
            return observability::StatusJson({.version = std::string(config::Version()),
                                              .started_at = gateway.process->started_at(),
                                              .now = system_clock::now(),
                                              .not_ready_because = NotReadyReason(gateway),
                                              .log_level = log_level(),
                                              .metrics = gateway.metrics->Collect(snapshot),
                                              .errors = gateway.errors->NewestFirst(),
                                              .limits = snapshot.limits});
          },
      .log_level = log_level,
      .set_log_level = [gateway](const std::string& level) { return SetLevel(gateway, level); }};
}

std::map<std::string, std::string> BuildLabels() {
  return {{"version", std::string(config::Version())},
          {"grpc_version", grpc::Version()},
          {"libcurl_version", curl_version_info(CURLVERSION_NOW)->version}};
}

}  // namespace evalrun::service
