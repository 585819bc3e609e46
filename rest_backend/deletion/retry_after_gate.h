// File: retry_after_gate.h
//
// After a 429 that names a time, calls under the same key are held back until then: asking sooner
// would only be refused again, and count against the quota. Pure arithmetic over times.
#ifndef EVALRUN_REST_BACKEND_DELETION_RETRY_AFTER_GATE_H_
#define EVALRUN_REST_BACKEND_DELETION_RETRY_AFTER_GATE_H_

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace evalrun::deletion {

// Not thread-safe. Times are of one steady clock, and never run backwards.
class RetryAfterGate {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Never holds back longer than `max_wait` at a time, whatever the upstream asks for: then a call
  // goes through and finds out. Zero: never at all.
  explicit RetryAfterGate(std::chrono::milliseconds max_wait) : max_wait_(max_wait) {}

  // The upstream answered 429 and asked to be left alone for `retry_after`.
  void OnRateLimited(TimePoint now, std::chrono::milliseconds retry_after) {
    const std::chrono::milliseconds wait = std::min(retry_after, max_wait_);
    if (wait <= std::chrono::milliseconds(0)) return;
    if (now >= until_) ++closures_;
    until_ = std::max(until_, now + wait);
  }

  // How much longer calls are held back, rounded up; zero: not at all.
  [[nodiscard]] std::chrono::milliseconds Remaining(TimePoint now) const {
    if (now >= until_) return std::chrono::milliseconds(0);
    return std::chrono::ceil<std::chrono::milliseconds>(until_ - now);
  }

  // How many times it began.
  [[nodiscard]] std::uint64_t closures() const { return closures_; }

 private:
  std::chrono::milliseconds max_wait_;
  TimePoint until_{};
  std::uint64_t closures_ = 0;
};

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_RETRY_AFTER_GATE_H_
