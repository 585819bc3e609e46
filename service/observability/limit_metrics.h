// SPDX-License-Identifier: Apache-2.0
//
// File: limit_metrics.h
//
// What Prometheus sees of the rate limits: one set of series for each rule, and none for the
// callers that it limits.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_LIMIT_METRICS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_LIMIT_METRICS_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>

namespace evalrun::observability {

// The limits, and what they have decided since the start.
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
  // A subject that has lately used most of what a rule allows.
  struct HotKey {
    std::string rule;
    std::string subject;
    double used = 0;           // of the burst: 0 to 1
    std::uint64_t denied = 0;  // in shadow mode too
  };

  std::vector<Rule> rules = {};
  std::vector<HotKey> near = {};  // the one that has used most first
  std::uint64_t keys = 0;
  std::uint64_t evicted = 0;
  std::uint64_t overflowed = 0;
};

// The families of `limits`.
[[nodiscard]] std::vector<prometheus::MetricFamily> MakeLimitFamilies(const LimitSnapshot& limits);

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_LIMIT_METRICS_H_
