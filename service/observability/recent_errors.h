// SPDX-License-Identifier: Apache-2.0
//
// File: recent_errors.h
//
// The most recent failed calls, for display on the admin port.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_RECENT_ERRORS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_RECENT_ERRORS_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "service/observability/call_record.h"

namespace evalrun::observability {

// The part of the call's access log line that is kept.
struct RecentError {
  std::chrono::system_clock::time_point time;
  std::string request_id;
  std::string eval_run_uuid;
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string reason;
  deletion::Certainty certainty = deletion::Certainty::kNotPerformed;
  int http_status = 0;
  std::chrono::microseconds duration{0};
};

// Thread-safe. Its memory is bounded: the oldest entry is overwritten first.
class RecentErrors {
 public:
  static constexpr std::size_t kCapacity = 25;

  void Add(const CallRecord& record, std::chrono::system_clock::time_point now);
  [[nodiscard]] std::vector<RecentError> NewestFirst() const;

 private:
  mutable std::mutex mutex_;
  std::array<RecentError, kCapacity> errors_;  // a ring buffer; strings keep their memory
  std::size_t added_ = 0;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_RECENT_ERRORS_H_
