// SPDX-License-Identifier: Apache-2.0

#include "service/observability/event_throttle.h"

#include <utility>

namespace evalrun::observability {

std::optional<std::uint64_t> EventThrottle::Admit(std::string_view kind, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Kind& state = FindOrAdd(kind, now);
  if (now < state.next) {
    ++state.suppressed;
    return std::nullopt;
  }
  state.next = now + interval_;
  return std::exchange(state.suppressed, 0);
}

EventThrottle::Kind& EventThrottle::FindOrAdd(std::string_view kind, Clock::time_point now) {
  if (const auto found = kinds_.find(kind); found != kinds_.end()) return found->second;
  if (kinds_.size() < max_kinds_) return kinds_[std::string(kind)];
  std::uint64_t suppressed = 0;
  std::erase_if(kinds_, [&](const auto& entry) {
    if (now < entry.second.next) return false;
    suppressed += entry.second.suppressed;
    return true;
  });
  kinds_["other"].suppressed += suppressed;
  return kinds_[kinds_.size() < max_kinds_ ? std::string(kind) : "other"];
}

}  // namespace evalrun::observability
