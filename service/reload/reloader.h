// SPDX-License-Identifier: Apache-2.0
//
// File: reloader.h
//
// Reloads the configuration and passes it to the parts that can change while the gateway runs. A
// configuration that is not valid as a whole changes nothing: the old one stays in use, an event
// gives the reason, and a metric counts it. The API keys are reloaded all the same.
#ifndef EVALRUN_SERVICE_RELOAD_RELOADER_H_
#define EVALRUN_SERVICE_RELOAD_RELOADER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include <absl/status/statusor.h>

#include "service/config/load_config.h"
#include "service/config/watched_files.h"
#include "service/observability/config_metrics.h"
#include "service/observability/event_log.h"

namespace evalrun::reload {

// Not thread-safe: once the reload thread (reload_thread.h) has been started, only it may call.
class Reloader {
 public:
  struct Loaders {
    std::function<config::LoadResult()> config;
    // config::LoadKeys() of a configuration whose live settings are in use.
    std::function<absl::StatusOr<config::LoadedConfig>(const config::v1::GatewayConfig& loaded)>
        keys;
  };
  using Apply = std::function<void(const config::LoadedConfig&)>;

  // `load` reads its files through `files`, and `running` is what it gave at the start. Pointers
  // outlive the reloader.
  Reloader(const config::LoadedConfig& running, Loaders load, config::WatchedFiles* files,
           const observability::EventLog* events, observability::ConfigMetrics* metrics);

  // `apply` is called, on the reload thread, with every configuration that has been loaded
  // since, its keys included, and with the one in use and its keys alone when the new one has an
  // error. Those of its settings that need a restart are still the ones of the
  // start. It cannot refuse: what it needs was parsed (config/parse_config.h).
  void OnReload(Apply apply) { apply_callbacks_.push_back(std::move(apply)); }

  // Reloads when the files have changed and are not being written any more, and after a reload that
  // ended with an exception (no memory).
  void CheckForChanges(std::chrono::system_clock::time_point now);

  // Reloads at once.
  void Reload(std::chrono::system_clock::time_point now);

 private:
  void LoadAndApply(std::chrono::system_clock::time_point now);
  void ApplyLoaded(config::LoadedConfig loaded, std::chrono::system_clock::time_point now);
  void ApplyKeys();
  void Fail(std::string_view reason);

  config::v1::GatewayConfig running_;
  // As a whole, the one that the live settings of running_ come from. Only together with its own
  // other settings are they certainly valid.
  config::v1::GatewayConfig loaded_;
  Loaders load_;
  config::WatchedFiles& files_;
  const observability::EventLog& events_;
  observability::ConfigMetrics& metrics_;
  std::vector<Apply> apply_callbacks_;
  bool retry_ = false;  // the last reload ended with an exception
};

}  // namespace evalrun::reload

#endif  // EVALRUN_SERVICE_RELOAD_RELOADER_H_
