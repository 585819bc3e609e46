// SPDX-License-Identifier: Apache-2.0
//
// File: timeouts.h
//
// How a call's time is shared out. Pure functions.
#ifndef EVALRUN_SERVICE_HANDLER_TIMEOUTS_H_
#define EVALRUN_SERVICE_HANDLER_TIMEOUTS_H_

#include <algorithm>
#include <chrono>
#include <optional>

namespace evalrun::handler {

// By how much the caller's own timer may fire before the deadline that arrived. gRPC's C core, and
// so its clients in C++, Python, Ruby, PHP and older C#, rounds `grpc-timeout` up to few digits
// (src/core/lib/transport/timeout_encoding.cc): from 1 s to the next 10 ms, from 10 s to the next
// 100 ms, from 100 s to the next second, and so on. Other clients send it exactly.
[[nodiscard]] inline std::chrono::microseconds TimeoutRounding(std::chrono::microseconds timeout) {
  auto step = std::chrono::microseconds(0);
  for (std::chrono::microseconds from = std::chrono::seconds(1); timeout >= from; from *= 10) {
    step = from / 100;
    if (from >= std::chrono::hours(24)) break;  // enough for every deadline that matters
  }
  return step;
}

// How long the response may take when the caller's deadline is `until_deadline` away: less by
// `margin` and by what the deadline may have been rounded up, so that the response and its details
// arrive before the caller's own timer fires. Without a deadline of the caller it is
// `default_timeout`, which is not rounded, less by `margin`. The margin is a quarter of the
// time at most. Less than deletion::kMinAttemptTime: nothing is sent.
[[nodiscard]] inline std::chrono::microseconds ResponseTimeout(
    std::optional<std::chrono::microseconds> until_deadline,
    std::chrono::microseconds default_timeout, std::chrono::microseconds margin) {
  const std::chrono::microseconds time = until_deadline.value_or(default_timeout);
  const std::chrono::microseconds exact = time - std::min(margin, time / 4);
  return until_deadline.has_value() ? exact - TimeoutRounding(time) : exact;
}

// How long one attempt may take: `per_attempt` at most, and never past the response. In
// milliseconds, rounded down.
[[nodiscard]] inline std::chrono::milliseconds AttemptTimeout(
    std::chrono::microseconds time_left, std::chrono::microseconds per_attempt) {
  return std::chrono::floor<std::chrono::milliseconds>(std::min(time_left, per_attempt));
}

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_TIMEOUTS_H_
