// File: upstream_guard.h
//
// What stands between callers and the upstream under one key, so that neither is overrun: a cap on
// the calls in flight, the hold-back after a 429, and the budget of retries. A call is admitted or
// refused at once; nothing is queued.
#ifndef EVALRUN_REST_BACKEND_API_UPSTREAM_GUARD_H_
#define EVALRUN_REST_BACKEND_API_UPSTREAM_GUARD_H_

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

#include "rest_backend/api/hold_back.h"
#include "rest_backend/api/retry_budget.h"

namespace evalrun::rest {

struct UpstreamGuardOptions {
  std::size_t max_in_flight = 2048;  // 0: no cap
  std::chrono::milliseconds max_hold_back = std::chrono::seconds(10);
  RetryBudgetOptions retry_budget = {};
};

// Why a call was not admitted.
enum class Refusal { kInFlightCap, kHoldBack };
inline constexpr int kRefusalCount = 2;

// `in_flight_cap`, `hold_back`: for metrics.
[[nodiscard]] std::string_view RefusalName(Refusal refusal);
// `IN_FLIGHT_CAP`, `UPSTREAM_HOLD_BACK`: for callers.
[[nodiscard]] std::string_view RefusalReason(Refusal refusal);

// Not thread-safe. Pure: times and randomness are given.
class UpstreamGuard {
 public:
  using TimePoint = HoldBack::TimePoint;

  struct Refused {
    Refusal refusal;
    std::chrono::milliseconds retry_after;  // when it may be worth calling again
  };

  explicit UpstreamGuard(const UpstreamGuardOptions& options)
      : max_in_flight_(options.max_in_flight),
        hold_back_(options.max_hold_back),
        retry_budget_(options.retry_budget) {}

  // Lets a call in: empty, and Leave() must follow when it has been answered. Or refuses it.
  // `random` is uniform in [0, 1) and spreads the return of those that are refused.
  [[nodiscard]] std::optional<Refused> Admit(TimePoint now, double random);
  void Leave() { --in_flight_; }

  // Calls that were let in and have not left.
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
  [[nodiscard]] HoldBack& hold_back() { return hold_back_; }
  [[nodiscard]] RetryBudget& retry_budget() { return retry_budget_; }

 private:
  std::size_t max_in_flight_;
  std::size_t in_flight_ = 0;
  HoldBack hold_back_;
  RetryBudget retry_budget_;
};

}  // namespace evalrun::rest

#endif  // EVALRUN_REST_BACKEND_API_UPSTREAM_GUARD_H_
