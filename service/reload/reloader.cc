// SPDX-License-Identifier: Apache-2.0

#include "service/reload/reloader.h"

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <absl/strings/str_join.h>

#include "service/config/live_settings.h"

namespace evalrun::reload {
namespace {

using config::LoadedConfig;

}  // namespace

Reloader::Reloader(const LoadedConfig& running, Load load, config::WatchedFiles* files,
                   const observability::EventLog* events, observability::ConfigMetrics* metrics)
    : running_(running.config),
      load_(std::move(load)),
      files_(*files),
      events_(*events),
      metrics_(*metrics) {}

void Reloader::CheckForChanges(std::chrono::system_clock::time_point now) {
  if (retry_ || files_.CheckForChanges()) Reload(now);
}

void Reloader::Reload(std::chrono::system_clock::time_point now) {
  const bool is_retry = std::exchange(retry_, true);
  try {
    LoadAndApply(now);
    retry_ = false;
  } catch (const std::exception& error) {  // no memory
    metrics_.OnReload(false);
    if (is_retry) return;  // it was reported already
    events_.Write(spdlog::level::err, "config_reload_failed", {{"reason", error.what()}});
  }
}

void Reloader::LoadAndApply(std::chrono::system_clock::time_point now) {
  files_.Clear();
  config::LoadResult result = load_();
  if (const std::string file = files_.FindUnreliableFile(); !file.empty()) {
    Fail(file);
  } else if (const auto* refused = std::get_if<config::EarlyExit>(&result)) {
    Fail(absl::StrJoin(refused->errors, "; "));
  } else {
    ApplyLoaded(std::move(std::get<LoadedConfig>(result)), now);
  }
}

void Reloader::ApplyLoaded(LoadedConfig loaded, std::chrono::system_clock::time_point now) {
  const std::vector<std::string> need_restart = config::ApplyLiveSettings(loaded.config, &running_);
  loaded.config = running_;
  for (const Apply& apply : apply_callbacks_) apply(loaded);

  const std::string hash = config::HashConfig(running_);
  metrics_.OnReload(true);
  metrics_.OnLoaded(hash, !need_restart.empty(), now);
  events_.Write(spdlog::level::info, "config_reloaded", {{"hash", hash}});
  if (need_restart.empty()) return;
  events_.Write(spdlog::level::warn, "config_restart_needed",
                {{"settings", absl::StrJoin(need_restart, ", ")}});
}

void Reloader::Fail(std::string_view reason) {
  metrics_.OnReload(false);
  events_.Write(spdlog::level::err, "config_reload_failed", {{"reason", reason}});
}

}  // namespace evalrun::reload
