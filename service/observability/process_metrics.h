// SPDX-License-Identifier: Apache-2.0
//
// File: process_metrics.h
//
// Metrics of the process: the usual `process_*` metrics of Prometheus client libraries, and the
// build information.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_PROCESS_METRICS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_PROCESS_METRICS_H_

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace evalrun::observability {

// Thread-safe.
class ProcessMetrics {
 public:
  // `registry` must outlive this object. `build`: the labels of gateway_build_info.
  ProcessMetrics(prometheus::Registry* registry, const std::map<std::string, std::string>& build);

  // Reads /proc/self, which takes a few dozen microseconds. Values that cannot be read stay
  // unchanged.
  void Update();

  // Sets the time at which each API key in use, by name, was last changed.
  void SetKeyFileTimes(const std::map<std::string, std::chrono::system_clock::time_point>& changed);

  [[nodiscard]] std::chrono::system_clock::time_point started_at() const { return started_at_; }

 private:
  std::mutex mutex_;  // held by updates
  const std::chrono::system_clock::time_point started_at_;
  prometheus::Counter& cpu_seconds_;
  prometheus::Gauge& resident_bytes_;
  prometheus::Gauge& virtual_bytes_;
  prometheus::Gauge& threads_;
  prometheus::Gauge& open_fds_;
  prometheus::Gauge& max_fds_;
  prometheus::Family<prometheus::Gauge>& api_key_changed_;
  std::map<std::string, prometheus::Gauge*> keys_;  // series of api_key_changed_
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_PROCESS_METRICS_H_
