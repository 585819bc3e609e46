// SPDX-License-Identifier: Apache-2.0
//
// File: retry_after_gate.h
//
// The hold-back: after a 429 with a `Retry-After`, calls with the same API key are rejected for
// that time. A request before its end would get another 429, and count against the quota. Pure.
#ifndef EVALRUN_REST_BACKEND_DELETION_RETRY_AFTER_GATE_H_
#define EVALRUN_REST_BACKEND_DELETION_RETRY_AFTER_GATE_H_

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace evalrun::deletion {

// Not thread-safe. Times are of one steady clock and never decrease.
class RetryAfterGate {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Closes for `max_wait` at a time at most, whatever the upstream asks for: after that a call goes
  // through and finds out whether the limit still applies. Zero: never closes.
  explicit RetryAfterGate(std::chrono::milliseconds max_wait) : max_wait_(max_wait) {}

  // The upstream responded 429 and asked callers to wait for `retry_after`.
  void OnRateLimited(TimePoint now, std::chrono::milliseconds retry_after) {
    const std::chrono::milliseconds wait = std::min(retry_after, max_wait_);
    if (wait <= std::chrono::milliseconds(0)) return;
    if (now >= until_) ++closures_;
    until_ = std::max(until_, now + wait);
  }

  // Opens it: it is about another API key now.
  void Open() { until_ = TimePoint{}; }

  // How much longer the gate is closed, rounded up; zero: it is open.
  [[nodiscard]] std::chrono::milliseconds Remaining(TimePoint now) const {
    if (now >= until_) return std::chrono::milliseconds(0);
    return std::chrono::ceil<std::chrono::milliseconds>(until_ - now);
  }

  // How many times the gate has closed.
  [[nodiscard]] std::uint64_t closures() const { return closures_; }

 private:
  std::chrono::milliseconds max_wait_;
  TimePoint until_{};
  std::uint64_t closures_ = 0;
};

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_RETRY_AFTER_GATE_H_
