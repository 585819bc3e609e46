// SPDX-License-Identifier: Apache-2.0
//
// File: status_json.h
//
// The JSON object that the page on the admin port shows for this replica. Its members are internal
// to the page, not a contract.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_STATUS_JSON_H_
#define EVALRUN_SERVICE_OBSERVABILITY_STATUS_JSON_H_

#include <chrono>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "service/observability/call_history.h"
#include "service/observability/limit_metrics.h"
#include "service/observability/recent_errors.h"
#include "service/observability/slowest_calls.h"
#include "service/observability/top_callers.h"

namespace evalrun::observability {

struct AdminStatus {
  std::string version = {};
  std::string host = {};      // in Kubernetes the name of the pod
  unsigned int replicas = 1;  // `limits.replicas`
  std::string upstream = {};  // the origin of its URL
  std::chrono::system_clock::time_point started_at = {};
  std::chrono::system_clock::time_point now = {};
  std::string not_ready_because = {};  // empty: ready
  std::string log_level = {};
  std::vector<prometheus::MetricFamily> metrics = {};
  std::vector<ErrorGroup> errors = {};  // as RecentErrors::LatestFirst() returns them
  LimitSnapshot limits = {};
  std::vector<CallerActivity> top_callers = {};  // as TopCallers::Top() returns them
  std::vector<SlowCall> slowest_calls = {};      // as SlowestCalls::SlowestFirst() returns them
  std::vector<HistorySample> history = {};       // as CallHistory::Samples() returns them
  std::chrono::steady_clock::time_point history_read_at = {};
};

// Invalid UTF-8 is replaced by U+FFFD.
[[nodiscard]] std::string StatusJson(const AdminStatus& status);

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_STATUS_JSON_H_
