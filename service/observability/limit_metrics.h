// File: limit_metrics.h
//
// Metrics of the rate limits. There are series per rule, but not per limited subject.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_LIMIT_METRICS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_LIMIT_METRICS_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace evalrun::observability {

// The limit rules, and their counters since the start.
struct LimitSnapshot {
  struct Rule {
    std::string name;
    std::string by;                        // `caller`, ...
    std::chrono::nanoseconds interval{0};  // time per call in the long run
    std::int64_t burst = 0;
    bool shadow = false;
    std::uint64_t allowed = 0;
    std::uint64_t denied = 0;
    std::uint64_t shadow_denied = 0;
  };
  // A subject that has recently used most of what a rule allows.
  struct HotKey {
    std::string rule;
    std::string subject;
    double used = 0;           // fraction of the burst, 0 to 1
    std::uint64_t denied = 0;  // including shadow mode
  };

  std::vector<Rule> rules = {};
  std::vector<HotKey> near = {};  // highest `used` first
  std::uint64_t keys = 0;
  std::uint64_t evicted = 0;
  std::uint64_t overflowed = 0;
};

// Thread-safe.
class LimitMetrics {
 public:
  // `registry` must outlive this object.
  explicit LimitMetrics(prometheus::Registry* registry);

  // Updates the series. Those of removed rules are deleted.
  void Update(const LimitSnapshot& snapshot);

 private:
  struct Decisions {
    prometheus::Counter* allowed;
    prometheus::Counter* denied;
    prometheus::Counter* shadow_denied;
  };

  prometheus::Family<prometheus::Counter>& decisions_;
  prometheus::Gauge& keys_;
  prometheus::Counter& evicted_;
  prometheus::Counter& overflowed_;
  std::mutex mutex_;
  std::map<std::string, Decisions> rules_;  // guarded by mutex_
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_LIMIT_METRICS_H_
