// SPDX-License-Identifier: Apache-2.0

#include "service/reload/reloader.h"

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "service/config/live_settings.h"

namespace evalrun::reload {
namespace {

using config::LoadedConfig;

// A file that is being copied may end before its rules. Without them everybody may delete
// everywhere.
bool RemovesPolicy(const config::v1::Authorization& running,
                   const config::v1::Authorization& next) {
  return running.rules_size() > 0 && next.rules_size() == 0 && !next.allow_all();
}

// For the same reason. With another path the old list stays until the new one is loaded.
bool RemovesProtectedRuns(const config::v1::GatewayConfig& running,
                          const config::v1::GatewayConfig& next) {
  return !running.protected_runs_file().empty() && next.protected_runs_file().empty();
}

}  // namespace

Reloader::Reloader(const LoadedConfig& running, Loaders load, config::WatchedFiles* files,
                   const observability::EventLog* events, observability::ConfigMetrics* metrics)
    : running_(running.config),
      loaded_(running.config),
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
  config::LoadResult result = load_.config();
  const std::string blank_file = files_.FindBlankFile();
  auto* const loaded = std::get_if<LoadedConfig>(&result);
  if (!blank_file.empty()) {
    Fail(absl::StrCat(blank_file, " is blank"));
  } else if (loaded == nullptr) {
    Fail(absl::StrJoin(std::get<config::EarlyExit>(result).errors, "; "));
  } else if (RemovesPolicy(running_.authorization(), loaded->config.authorization())) {
    Fail(
        "authorization.rules: there are none any more, and everybody could delete everywhere; if "
        "that is meant, set authorization.allow_all to true");
  } else if (RemovesProtectedRuns(running_, loaded->config)) {
    Fail(
        "protected_runs_file: there is none any more, and protected runs could be deleted; if that "
        "is meant, name a file with nothing but a comment, or restart");
  } else {
    ApplyLoaded(std::move(*loaded), now);
    return;
  }
  ApplyKeys();
}

// The configuration could not be loaded. Keys that are wrong, too, are part of the reason given.
void Reloader::ApplyKeys() {
  absl::StatusOr<LoadedConfig> loaded = load_.keys(loaded_);
  if (!loaded.ok()) return;
  loaded->config = running_;
  for (const Apply& apply : apply_callbacks_) apply(*loaded);
}

void Reloader::ApplyLoaded(LoadedConfig loaded, std::chrono::system_clock::time_point now) {
  loaded_ = loaded.config;
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
