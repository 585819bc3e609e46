// File: timeouts.h
//
// How a call's time is shared out. Pure functions.
#ifndef EVALRUN_SERVICE_HANDLER_TIMEOUTS_H_
#define EVALRUN_SERVICE_HANDLER_TIMEOUTS_H_

#include <algorithm>
#include <chrono>

namespace evalrun::handler {

// How long the answer may take when the caller's deadline is `until_deadline` away: less by
// `margin`, so that our answer and its details arrive before the caller's own timer does, but the
// margin takes a quarter of the time at most. Zero or less: there is no time to send anything.
[[nodiscard]] inline std::chrono::microseconds ResponseTimeout(
    std::chrono::microseconds until_deadline, std::chrono::microseconds margin) {
  return until_deadline - std::min(margin, until_deadline / 4);
}

// How long one send may take: `per_send` at most, and never past the answer. In the milliseconds
// that timers have, rounded down.
[[nodiscard]] inline std::chrono::milliseconds AttemptTimeout(std::chrono::microseconds time_left,
                                                              std::chrono::microseconds per_send) {
  return std::chrono::floor<std::chrono::milliseconds>(std::min(time_left, per_send));
}

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_TIMEOUTS_H_
