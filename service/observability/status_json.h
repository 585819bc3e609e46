// File: status_json.h
//
// What the page on the admin port shows of this replica, as one JSON object. Its members
// are the page's, and no contract.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_STATUS_JSON_H_
#define EVALRUN_SERVICE_OBSERVABILITY_STATUS_JSON_H_

#include <chrono>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "service/observability/limit_metrics.h"
#include "service/observability/recent_errors.h"

namespace evalrun::observability {

struct AdminStatus {
  std::string version = {};
  std::chrono::system_clock::time_point started_at = {};
  std::chrono::system_clock::time_point now = {};
  std::string not_ready_because = {};  // empty: ready
  std::string log_level = {};
  std::vector<prometheus::MetricFamily> metrics = {};
  std::vector<RecentError> errors = {};  // the newest first
  LimitSnapshot limits = {};
};

// Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string StatusJson(const AdminStatus& status);

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_STATUS_JSON_H_
