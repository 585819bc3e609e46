// SPDX-License-Identifier: Apache-2.0
//
// File: recent_errors.h
//
// What has failed or was rejected lately, in groups, for display on the admin port.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_RECENT_ERRORS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_RECENT_ERRORS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "service/observability/call_record.h"

namespace evalrun::observability {

// Calls that ended in the same way.
struct ErrorGroup {
  // What they have in common.
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string reason;
  int http_status = 0;     // of the last response; 0: none
  std::string limited_by;  // the rule that rejected them; empty: none

  std::uint64_t count = 0;
  std::chrono::system_clock::time_point first;
  std::chrono::system_clock::time_point last;

  // Of the last one.
  std::string request_id;
  std::string caller;
  std::string eval_run_uuid;
  deletion::Certainty certainty = deletion::Certainty::kNotPerformed;
};

// Thread-safe. Its memory is bounded: a new group takes the place of the one that has been quiet
// for longest.
class RecentErrors {
 public:
  static constexpr std::size_t kCapacity = 25;
  // A group without a call for so long is forgotten.
  static constexpr std::chrono::hours kMaxAge{1};

  // Ignores calls that neither failed nor were rejected: OK and NOT_FOUND.
  void Add(const CallRecord& record, std::chrono::system_clock::time_point now);
  // The group with the latest call first.
  [[nodiscard]] std::vector<ErrorGroup> LatestFirst(
      std::chrono::system_clock::time_point now) const;

 private:
  ErrorGroup& FindOrMake(const CallRecord& record, std::chrono::system_clock::time_point now);

  mutable std::mutex mutex_;
  std::vector<ErrorGroup> groups_;  // in no order
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_RECENT_ERRORS_H_
