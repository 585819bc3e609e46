// SPDX-License-Identifier: Apache-2.0
//
// File: upstream_reporter.h
//
// Reports why the upstream cannot be reached, and that it can be again, to those who operate the
// gateway; callers learn only the reason. Few events: one for each cause, not for each attempt.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_UPSTREAM_REPORTER_H_
#define EVALRUN_SERVICE_OBSERVABILITY_UPSTREAM_REPORTER_H_

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include "rest_backend/deletion/attempt_result.h"
#include "service/observability/event_log.h"

namespace evalrun::observability {

// Not thread-safe.
class UpstreamReporter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Both outlive it.
  UpstreamReporter(prometheus::Registry* registry, const EventLog* events);

  // After each attempt. Events `upstream_unreachable`, for each cause once until the upstream has
  // responded and at most once a minute, and `upstream_reachable`, after one of those.
  void OnAttemptDone(const deletion::AttemptResult& result, TimePoint now);

  // After each lookup of the name of the upstream or of its proxy; `error` is empty when it
  // succeeded, and `known_addresses` stay in use when it did not. Events `upstream_lookup_failed`,
  // when lookups begin to fail and, at most once a minute, when they fail for another reason, and
  // `upstream_lookup_succeeded`, when they succeed again.
  void OnLookup(std::string_view name, std::string_view error, std::size_t known_addresses,
                TimePoint now);

 private:
  struct Cause {
    TimePoint reported_at;
    bool is_known = false;  // reported since the upstream last responded
  };

  static constexpr std::size_t kMaxCauses = 16;
  static constexpr auto kMinEventInterval = std::chrono::minutes(1);

  // nullptr: there are too many.
  Cause* FindCause(std::string_view text, TimePoint now);

  const EventLog& events_;
  prometheus::Gauge& name_resolved_;
  bool is_unreachable_ = false;  // an event said so
  std::map<std::string, Cause, std::less<>> causes_;
  std::string lookup_error_;  // that was reported last; empty: lookups succeed
  TimePoint lookup_error_reported_at_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_UPSTREAM_REPORTER_H_
