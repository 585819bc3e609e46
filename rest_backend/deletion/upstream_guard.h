// File: upstream_guard.h
//
// What stands between callers and the upstream, so that neither is overrun: a cap on the calls in
// flight and the budget of retries, over all calls, and the hold-back after a 429, for each key. A
// call is admitted or refused at once; nothing is queued.
#ifndef EVALRUN_REST_BACKEND_DELETION_UPSTREAM_GUARD_H_
#define EVALRUN_REST_BACKEND_DELETION_UPSTREAM_GUARD_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "rest_backend/deletion/hold_back.h"
#include "rest_backend/deletion/retry_budget.h"

namespace evalrun::deletion {

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
        max_hold_back_(options.max_hold_back),
        retry_budget_(options.retry_budget) {}

  // Lets a call in that is to go out under the key with this name: empty, and Leave() must follow
  // when it has been answered. Or refuses it. `random` is uniform in [0, 1) and spreads the return
  // of those that are refused.
  [[nodiscard]] std::optional<Refused> Admit(TimePoint now, std::string_view key, double random);
  void Leave() { --in_flight_; }

  // Calls that were let in and have not left.
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
  // Of the key with this name.
  [[nodiscard]] HoldBack& hold_back(std::string_view key);
  // Of all keys: how many times one began, and how much longer the longest one lasts.
  [[nodiscard]] std::uint64_t hold_backs_begun() const;
  [[nodiscard]] std::chrono::milliseconds longest_hold_back(TimePoint now) const;
  [[nodiscard]] RetryBudget& retry_budget() { return retry_budget_; }

 private:
  std::size_t max_in_flight_;
  std::size_t in_flight_ = 0;
  std::chrono::milliseconds max_hold_back_;
  std::map<std::string, HoldBack, std::less<>> hold_backs_;  // by key
  RetryBudget retry_budget_;
};

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_UPSTREAM_GUARD_H_
