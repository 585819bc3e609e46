// SPDX-License-Identifier: Apache-2.0
//
// File: watchdog.h
//
// Whether the event loop makes progress, for those who must not wait for it.
#ifndef EVALRUN_SERVICE_EVENT_LOOP_WATCHDOG_H_
#define EVALRUN_SERVICE_EVENT_LOOP_WATCHDOG_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace evalrun::event_loop {

// Thread-safe. The time is a parameter.
class Watchdog {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit Watchdog(TimePoint now) : due_(now) {}

  // The loop begins an iteration, or will begin the next one at `due` at the latest.
  void OnIteration(TimePoint now) {
    due_.store(now, std::memory_order_relaxed);
    iterations_.store(iterations_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void OnSleep(TimePoint due) { due_.store(due, std::memory_order_relaxed); }

  // How long the current iteration has taken, or how late the next one is; 0 while the loop sleeps
  // as planned.
  [[nodiscard]] std::chrono::nanoseconds Lag(TimePoint now) const {
    return std::max(std::chrono::nanoseconds(0),
                    std::chrono::nanoseconds(now - due_.load(std::memory_order_relaxed)));
  }

  // Iterations that have begun so far.
  [[nodiscard]] std::uint64_t iterations() const {
    return iterations_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<TimePoint> due_;
  std::atomic<std::uint64_t> iterations_{0};  // written by the loop alone
};

}  // namespace evalrun::event_loop

#endif  // EVALRUN_SERVICE_EVENT_LOOP_WATCHDOG_H_
