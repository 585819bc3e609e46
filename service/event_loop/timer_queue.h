// SPDX-License-Identifier: Apache-2.0
//
// File: timer_queue.h
//
// Timers of calls and attempts, ordered by time. A sorted container is enough for thousands.
#ifndef EVALRUN_SERVICE_EVENT_LOOP_TIMER_QUEUE_H_
#define EVALRUN_SERVICE_EVENT_LOOP_TIMER_QUEUE_H_

#include <chrono>
#include <map>
#include <optional>

namespace evalrun::event_loop {

class TimerObserver {
 public:
  virtual void OnTimer() = 0;

 protected:
  ~TimerObserver() = default;
};

// Not thread-safe.
class TimerQueue {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Timer = std::multimap<TimePoint, TimerObserver*>::iterator;

  // Calls `observer` once, in the first RunDue() at or after `due`, unless Cancel() comes first.
  Timer Add(TimePoint due, TimerObserver* observer) { return timers_.emplace(due, observer); }
  void Cancel(Timer timer) { timers_.erase(timer); }

  // True when any timer was due.
  bool RunDue(TimePoint now) {
    bool any = false;
    while (!timers_.empty() && timers_.begin()->first <= now) {
      TimerObserver* observer = timers_.begin()->second;
      timers_.erase(timers_.begin());
      observer->OnTimer();
      any = true;
    }
    return any;
  }

  [[nodiscard]] std::optional<TimePoint> next() const {
    return timers_.empty() ? std::nullopt : std::optional(timers_.begin()->first);
  }

 private:
  std::multimap<TimePoint, TimerObserver*> timers_;
};

}  // namespace evalrun::event_loop

#endif  // EVALRUN_SERVICE_EVENT_LOOP_TIMER_QUEUE_H_
