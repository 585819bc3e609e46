// File: hold_back.h
//
// After a 429 that names a time, calls under the same key are held back until then: asking sooner
// would only be refused again, and count against the quota. Pure arithmetic over times.
#ifndef EVALRUN_REST_BACKEND_DELETION_HOLD_BACK_H_
#define EVALRUN_REST_BACKEND_DELETION_HOLD_BACK_H_

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace evalrun::deletion {

// Not thread-safe. Times are of one steady clock, and never run backwards.
class HoldBack {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Never holds back longer than `longest` at a time, whatever the upstream asks for: then a call
  // goes through and finds out. Zero: never at all.
  explicit HoldBack(std::chrono::milliseconds longest) : longest_(longest) {}

  // The upstream answered 429 and asked to be left alone for `retry_after`.
  void OnRateLimited(TimePoint now, std::chrono::milliseconds retry_after) {
    const std::chrono::milliseconds wait = std::min(retry_after, longest_);
    if (wait <= std::chrono::milliseconds(0)) return;
    if (now >= until_) ++begun_;
    until_ = std::max(until_, now + wait);
  }

  // How much longer calls are held back, rounded up; zero: not at all.
  [[nodiscard]] std::chrono::milliseconds Remaining(TimePoint now) const {
    if (now >= until_) return std::chrono::milliseconds(0);
    return std::chrono::ceil<std::chrono::milliseconds>(until_ - now);
  }

  // How many times it began.
  [[nodiscard]] std::uint64_t begun() const { return begun_; }

 private:
  std::chrono::milliseconds longest_;
  TimePoint until_{};
  std::uint64_t begun_ = 0;
};

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_HOLD_BACK_H_
