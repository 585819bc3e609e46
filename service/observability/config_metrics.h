// SPDX-License-Identifier: Apache-2.0
//
// File: config_metrics.h
//
// Metrics of the configuration: which one is in force, and the results of reloads.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_CONFIG_METRICS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_CONFIG_METRICS_H_

#include <chrono>
#include <string>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace evalrun::observability {

// Updates must be serialized; Prometheus may collect at any time.
class ConfigMetrics {
 public:
  // `registry` must outlive this object.
  explicit ConfigMetrics(prometheus::Registry* registry);

  // The configuration with this hash came into force at `now`. `needs_restart`: the file contains
  // changes that take effect only after a restart.
  void OnLoaded(const std::string& hash, bool needs_restart,
                std::chrono::system_clock::time_point now);
  // The configuration was reloaded: either the new one is in force, or the old one stays.
  void OnReload(bool succeeded);
  // The same of the list of protected runs, which has a file of its own.
  void OnProtectedRunsReload(bool succeeded);

 private:
  void CountReload(bool succeeded);

  prometheus::Family<prometheus::Gauge>& info_;
  prometheus::Gauge* current_ = nullptr;  // the only series of info_
  prometheus::Gauge& loaded_at_;
  prometheus::Gauge& restart_needed_;
  prometheus::Gauge& last_reload_successful_;
  bool config_successful_ = true;
  bool protected_runs_successful_ = true;
  prometheus::Family<prometheus::Counter>& reloads_;
  prometheus::Counter& succeeded_;
  prometheus::Counter& failed_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_CONFIG_METRICS_H_
