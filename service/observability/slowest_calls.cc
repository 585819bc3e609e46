// SPDX-License-Identifier: Apache-2.0

#include "service/observability/slowest_calls.h"

#include <algorithm>
#include <functional>
#include <iterator>

namespace evalrun::observability {

void SlowestCalls::OnCallCompleted(const CallRecord& record, TimePoint now,
                                   std::chrono::system_clock::time_point completed) {
  const std::lock_guard lock(mutex_);
  Slice& slice = slices_.At(now);
  const bool is_full = slice.size == kReported;
  if (is_full && record.duration <= slice.calls[slice.fastest].duration) return;
  SlowCall& call = slice.calls[is_full ? slice.fastest : slice.size++];
  call.completed = completed;
  call.duration = record.duration;
  call.last_attempt_duration =
      record.attempts > 0 ? record.last_attempt_timing.total : std::chrono::microseconds(0);
  call.attempts = record.attempts;
  call.code = record.code;
  call.request_id = record.request_id;
  call.caller = record.caller;
  call.eval_run_uuid = record.eval_run_uuid;
  if (slice.size < kReported) return;
  slice.fastest = static_cast<std::size_t>(
      std::distance(slice.calls.begin(),
                    std::ranges::min_element(slice.calls, std::less(), &SlowCall::duration)));
}

std::vector<SlowCall> SlowestCalls::SlowestFirst(TimePoint now) const {
  std::vector<SlowCall> calls;
  {
    const std::lock_guard lock(mutex_);
    slices_.ForEach(now, [&](const Slice& slice) {
      calls.insert(calls.end(), slice.calls.begin(),
                   slice.calls.begin() + static_cast<std::ptrdiff_t>(slice.size));
    });
  }
  std::ranges::stable_sort(calls, std::greater(), &SlowCall::duration);
  if (calls.size() > kReported) calls.resize(kReported);
  return calls;
}

}  // namespace evalrun::observability
