// File: config_metrics.h
//
// What Prometheus sees of the configuration: which one runs, and how loading anew went.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_CONFIG_METRICS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_CONFIG_METRICS_H_

#include <chrono>
#include <string>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace evalrun::observability {

// Not thread-safe for writing; Prometheus may look at any time.
class ConfigMetrics {
 public:
  // `registry` outlives this object.
  explicit ConfigMetrics(prometheus::Registry* registry);

  // The configuration with this hash is in force since `now`. `needs_restart`: the file asks for
  // settings that only a restart brings.
  void OnLoaded(const std::string& hash, bool needs_restart,
                std::chrono::system_clock::time_point now);
  // A further one was loaded, and it is in force, or the one before stays.
  void OnReload(bool succeeded);

 private:
  prometheus::Family<prometheus::Gauge>& info_;
  prometheus::Gauge* current_ = nullptr;  // the one series of info_
  prometheus::Gauge& loaded_at_;
  prometheus::Gauge& restart_needed_;
  prometheus::Family<prometheus::Counter>& reloads_;
  prometheus::Counter& succeeded_;
  prometheus::Counter& failed_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_CONFIG_METRICS_H_
