// File: limit_metrics.h
//
// What Prometheus sees of the limits. There is a series for each rule, and none for whom it limits.
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

// What the limits are and have done so far.
struct LimitSnapshot {
  struct Rule {
    std::string name;
    std::string by;                        // `caller`, ...
    std::chrono::nanoseconds interval{0};  // from call to call
    std::int64_t burst = 0;
    bool shadow = false;
    std::uint64_t allowed = 0;
    std::uint64_t denied = 0;
    std::uint64_t shadow_denied = 0;
  };
  // Somebody who has lately used most of what a rule allows.
  struct HotKey {
    std::string rule;
    std::string subject;
    double used = 0;           // of the burst: 0 to 1
    std::uint64_t denied = 0;  // in shadow mode too
  };

  std::vector<Rule> rules = {};
  std::vector<HotKey> near = {};  // who has used most first
  std::uint64_t keys = 0;
  std::uint64_t evicted = 0;
  std::uint64_t overflowed = 0;
};

// Thread-safe.
class LimitMetrics {
 public:
  // `registry` outlives this object.
  explicit LimitMetrics(prometheus::Registry* registry);

  // Brings the series up to date. Those of rules that are no more go.
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
