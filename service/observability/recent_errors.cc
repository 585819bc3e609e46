// SPDX-License-Identifier: Apache-2.0

#include "service/observability/recent_errors.h"

#include <algorithm>
#include <functional>

namespace evalrun::observability {
namespace {

bool Contains(const ErrorGroup& group, const CallRecord& record) {
  return group.code == record.code && group.http_status == record.http_status &&
         group.reason == record.reason && group.limited_by == record.limited_by;
}

bool IsOld(const ErrorGroup& group, std::chrono::system_clock::time_point now) {
  return now - group.last > RecentErrors::kMaxAge;
}

}  // namespace

ErrorGroup& RecentErrors::FindOrMake(const CallRecord& record,
                                     std::chrono::system_clock::time_point now) {
  const auto same = std::ranges::find_if(
      groups_, [&](const ErrorGroup& group) { return Contains(group, record); });
  if (same != groups_.end() && !IsOld(*same, now)) return *same;
  // Begins anew in the place of the same group, in a new place, or in that of the quietest group.
  ErrorGroup& group = same != groups_.end() ? *same
                      : groups_.size() < kCapacity
                          ? groups_.emplace_back()
                          : *std::ranges::min_element(groups_, std::less(), &ErrorGroup::last);
  group.code = record.code;
  group.reason = record.reason;
  group.http_status = record.http_status;
  group.limited_by = record.limited_by;
  group.count = 0;
  group.first = now;
  return group;
}

void RecentErrors::Add(const CallRecord& record, std::chrono::system_clock::time_point now) {
  if (record.code == absl::StatusCode::kOk || record.code == absl::StatusCode::kNotFound) return;
  const std::lock_guard lock(mutex_);
  ErrorGroup& group = FindOrMake(record, now);
  ++group.count;
  group.last = now;
  group.request_id = record.request_id;
  group.caller = record.caller;
  group.eval_run_uuid = record.eval_run_uuid;
  group.certainty = record.certainty;
}

std::vector<ErrorGroup> RecentErrors::LatestFirst(std::chrono::system_clock::time_point now) const {
  std::vector<ErrorGroup> groups;
  {
    const std::lock_guard lock(mutex_);
    groups = groups_;
  }
  std::erase_if(groups, [&](const ErrorGroup& group) { return IsOld(group, now); });
  std::ranges::sort(groups, std::greater(), &ErrorGroup::last);
  return groups;
}

}  // namespace evalrun::observability
