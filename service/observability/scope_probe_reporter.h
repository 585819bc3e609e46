// SPDX-License-Identifier: Apache-2.0
//
// File: scope_probe_reporter.h
//
// Metric and event about probes that verify whether the scope of a 404 exists
// (rest_backend/deletion/scope_proof.h).
#ifndef EVALRUN_SERVICE_OBSERVABILITY_SCOPE_PROBE_REPORTER_H_
#define EVALRUN_SERVICE_OBSERVABILITY_SCOPE_PROBE_REPORTER_H_

#include <chrono>
#include <cstddef>
#include <limits>
#include <map>
#include <string>

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include "rest_backend/deletion/scope_proof.h"
#include "service/authz/key_ring.h"
#include "service/observability/event_log.h"
#include "service/observability/event_throttle.h"

namespace evalrun::observability {

// Not thread-safe; the metric may be collected by any thread.
class ScopeProbeReporter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Both must outlive this object.
  ScopeProbeReporter(prometheus::Registry* registry, const EventLog* events);

  // A probe with `api_key` has ended. Writes the event `absence_check_forbidden` when the key may
  // not list eval runs, and the last probe with it could, or there was none. A key may list in some
  // workspaces only, so there is at most one event per key and minute.
  void OnProbeDone(const authz::UpstreamKey& api_key, const deletion::ProbeClassification& result,
                   TimePoint now);

 private:
  struct KeyState {
    std::string id;             // of the key that was probed last
    bool is_forbidden = false;  // it may not list, and an event has reported it
  };

  const EventLog& events_;
  EventThrottle throttle_{std::chrono::minutes(1), std::numeric_limits<std::size_t>::max()};
  prometheus::Counter* proven_;
  prometheus::Counter* missing_;
  prometheus::Counter* unverifiable_;
  prometheus::Counter* forbidden_;
  std::map<std::string, KeyState> keys_;  // by name
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_SCOPE_PROBE_REPORTER_H_
