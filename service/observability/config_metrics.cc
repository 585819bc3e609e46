// SPDX-License-Identifier: Apache-2.0

#include "service/observability/config_metrics.h"

#include "service/observability/unix_time.h"

namespace evalrun::observability {

using prometheus::BuildCounter;
using prometheus::BuildGauge;

ConfigMetrics::ConfigMetrics(prometheus::Registry* registry)
    : info_(BuildGauge()
                .Name("gateway_config_info")
                .Help("1 for the configuration that is in force, by the hash of its settings.")
                .Register(*registry)),
      loaded_at_(BuildGauge()
                     .Name("gateway_config_last_load_success_timestamp_seconds")
                     .Help("When the configuration was last loaded successfully.")
                     .Register(*registry)
                     .Add({})),
      restart_needed_(BuildGauge()
                          .Name("gateway_config_restart_needed")
                          .Help("1: the configuration asks for what only a restart brings.")
                          .Register(*registry)
                          .Add({})),
      last_reload_successful_(
          BuildGauge()
              .Name("gateway_config_last_reload_successful")
              .Help("1: the last reloads of the configuration and of the protected runs "
                    "succeeded, or there were none. 0: one of them failed.")
              .Register(*registry)
              .Add({})),
      reloads_(BuildCounter()
                   .Name("gateway_config_reloads_total")
                   .Help("Times that the configuration was loaded anew, by how that went.")
                   .Register(*registry)),
      succeeded_(reloads_.Add({{"result", "success"}})),
      failed_(reloads_.Add({{"result", "failure"}})) {
  last_reload_successful_.Set(1);
}

void ConfigMetrics::OnLoaded(const std::string& hash, bool needs_restart,
                             std::chrono::system_clock::time_point now) {
  if (current_ != nullptr) info_.Remove(current_);
  current_ = &info_.Add({{"hash", hash}});
  current_->Set(1);
  loaded_at_.Set(UnixSeconds(now));
  restart_needed_.Set(needs_restart ? 1 : 0);
}

void ConfigMetrics::OnReload(bool succeeded) {
  config_successful_ = succeeded;
  CountReload(succeeded);
}

void ConfigMetrics::OnProtectedRunsReload(bool succeeded) {
  protected_runs_successful_ = succeeded;
  CountReload(succeeded);
}

void ConfigMetrics::CountReload(bool succeeded) {
  (succeeded ? succeeded_ : failed_).Increment();
  last_reload_successful_.Set(config_successful_ && protected_runs_successful_ ? 1 : 0);
}

}  // namespace evalrun::observability
