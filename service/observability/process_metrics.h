// File: process_metrics.h
//
// What Prometheus sees of the process itself: the usual `process_*` of Prometheus' own client
// libraries, and which build it is.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_PROCESS_METRICS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_PROCESS_METRICS_H_

#include <chrono>
#include <map>
#include <string>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace evalrun::observability {

// Not thread-safe for writing; Prometheus may look at any time.
class ProcessMetrics {
 public:
  // `registry` outlives this object. `build`: the labels of gateway_build_info.
  ProcessMetrics(prometheus::Registry* registry, const std::map<std::string, std::string>& build);

  // Reads /proc/self: a few dozen microseconds. What cannot be read stays as it was.
  void Update();

  // The keys that are in use, by name, are as old as this.
  void SetKeyFileTimes(const std::map<std::string, std::chrono::system_clock::time_point>& changed);

  [[nodiscard]] std::chrono::system_clock::time_point started_at() const { return started_at_; }

 private:
  const std::chrono::system_clock::time_point started_at_;
  prometheus::Counter& cpu_seconds_;
  prometheus::Gauge& resident_bytes_;
  prometheus::Gauge& virtual_bytes_;
  prometheus::Gauge& threads_;
  prometheus::Gauge& open_fds_;
  prometheus::Gauge& max_fds_;
  prometheus::Family<prometheus::Gauge>& api_key_changed_;
  std::map<std::string, prometheus::Gauge*> keys_;  // its series
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_PROCESS_METRICS_H_
