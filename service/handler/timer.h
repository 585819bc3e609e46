// SPDX-License-Identifier: Apache-2.0
//
// File: timer.h
//
// How the handler waits before a retry.
#ifndef EVALRUN_SERVICE_HANDLER_TIMER_H_
#define EVALRUN_SERVICE_HANDLER_TIMER_H_

#include <chrono>

namespace evalrun::handler {

class TimerObserver {
 public:
  virtual void OnTimer() = 0;

 protected:
  ~TimerObserver() = default;
};

// The timer of one call. Not thread-safe.
class Timer {
 public:
  // Calls `observer` once, at `due` or later, unless Cancel() comes first. It must not be running.
  virtual void Start(std::chrono::steady_clock::time_point due, TimerObserver* observer) = 0;

  // Stops it; it must be running.
  virtual void Cancel() = 0;

 protected:
  ~Timer() = default;
};

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_TIMER_H_
