// SPDX-License-Identifier: Apache-2.0

#include "service/observability/event_throttle.h"

#include <utility>

namespace evalrun::observability {

std::optional<std::uint64_t> EventThrottle::Admit(std::string_view kind, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  auto found = kinds_.find(kind);
  if (found == kinds_.end()) {
    const std::string_view name = kinds_.size() < max_kinds_ ? kind : std::string_view("other");
    found = kinds_.try_emplace(std::string(name)).first;
  }
  Kind& state = found->second;
  if (now < state.next) {
    ++state.suppressed;
    return std::nullopt;
  }
  state.next = now + interval_;
  return std::exchange(state.suppressed, 0);
}

}  // namespace evalrun::observability
