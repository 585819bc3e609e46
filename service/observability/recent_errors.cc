// SPDX-License-Identifier: Apache-2.0

#include "service/observability/recent_errors.h"

#include <algorithm>

namespace evalrun::observability {

void RecentErrors::Add(const CallRecord& record, std::chrono::system_clock::time_point now) {
  const std::lock_guard lock(mutex_);
  RecentError& error = errors_.at(added_++ % kCapacity);
  error.time = now;
  error.request_id = record.request_id;
  error.eval_run_uuid = record.eval_run_uuid;
  error.code = record.code;
  error.reason = record.reason;
  error.certainty = record.certainty;
  error.http_status = record.http_status;
  error.duration = record.duration;
}

std::vector<RecentError> RecentErrors::NewestFirst() const {
  const std::lock_guard lock(mutex_);
  std::vector<RecentError> errors;
  for (std::size_t i = 0; i < std::min(added_, kCapacity); ++i) {
    errors.push_back(errors_.at((added_ - 1 - i) % kCapacity));
  }
  return errors;
}

}  // namespace evalrun::observability
