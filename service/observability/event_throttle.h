// SPDX-License-Identifier: Apache-2.0
//
// File: event_throttle.h
//
// Bounds how often events of one kind are written.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_EVENT_THROTTLE_H_
#define EVALRUN_SERVICE_OBSERVABILITY_EVENT_THROTTLE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace evalrun::observability {

// Thread-safe. Beyond `max_kinds` within an interval, all others count as one, so that kinds may
// depend on what callers do.
class EventThrottle {
 public:
  using Clock = std::chrono::steady_clock;

  explicit EventThrottle(Clock::duration interval, std::size_t max_kinds = 100)
      : interval_(interval), max_kinds_(max_kinds) {}

  // Whether an event of this kind may be written now, which is once in an interval. The value is
  // the number of those that were not written before it.
  [[nodiscard]] std::optional<std::uint64_t> Admit(std::string_view kind, Clock::time_point now);

 private:
  struct Kind {
    Clock::time_point next;
    std::uint64_t suppressed = 0;
  };

  [[nodiscard]] Kind& FindOrAdd(std::string_view kind, Clock::time_point now);

  const Clock::duration interval_;
  const std::size_t max_kinds_;
  std::mutex mutex_;
  std::map<std::string, Kind, std::less<>> kinds_;  // guarded by mutex_
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_EVENT_THROTTLE_H_
