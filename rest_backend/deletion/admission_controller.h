// SPDX-License-Identifier: Apache-2.0
//
// File: admission_controller.h
//
// What stands between callers and the upstream, so that neither is overrun: a cap on the calls in
// flight and the budget of retries, over all calls, and the hold-back after a 429, for each key. A
// call is admitted or rejected at once; nothing is queued.
#ifndef EVALRUN_REST_BACKEND_DELETION_ADMISSION_CONTROLLER_H_
#define EVALRUN_REST_BACKEND_DELETION_ADMISSION_CONTROLLER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "rest_backend/deletion/retry_after_gate.h"
#include "rest_backend/deletion/retry_budget.h"

namespace evalrun::deletion {

struct AdmissionControllerOptions {
  std::size_t max_in_flight = 2048;  // 0: no cap
  std::chrono::milliseconds max_hold_back = std::chrono::seconds(10);
  RetryBudgetOptions retry_budget = {};
};

// Why a call was not admitted.
enum class RejectReason { kInFlightCap, kHoldBack };
inline constexpr int kRejectReasonCount = 2;

// `in_flight_cap`, `hold_back`: for metrics.
[[nodiscard]] std::string_view RejectReasonName(RejectReason reason);
// `IN_FLIGHT_CAP`, `UPSTREAM_HOLD_BACK`: for callers.
[[nodiscard]] std::string_view RejectErrorReason(RejectReason reason);

// Not thread-safe. Pure: times and randomness are given.
class AdmissionController {
 public:
  using TimePoint = RetryAfterGate::TimePoint;

  // The place of an admitted call among those in flight: free again when this is destroyed or
  // assigned to. Must not outlive its controller.
  class Permit {
   public:
    Permit() = default;  // of no call
    Permit(Permit&& other) noexcept : controller_(std::exchange(other.controller_, nullptr)) {}
    Permit& operator=(Permit&& other) noexcept {
      Permit released(std::move(other));
      std::swap(controller_, released.controller_);
      return *this;
    }
    ~Permit() {
      if (controller_ != nullptr) --controller_->in_flight_;
    }

   private:
    friend class AdmissionController;
    explicit Permit(AdmissionController* controller) : controller_(controller) {
      ++controller_->in_flight_;
    }

    AdmissionController* controller_ = nullptr;
  };

  struct Rejection {
    RejectReason reason;
    std::chrono::milliseconds retry_after;  // when it may be worth calling again
  };

  explicit AdmissionController(const AdmissionControllerOptions& options)
      : max_in_flight_(options.max_in_flight),
        max_hold_back_(options.max_hold_back),
        retry_budget_(options.retry_budget) {}
  // Permits refer to it.
  AdmissionController(const AdmissionController&) = delete;
  AdmissionController& operator=(const AdmissionController&) = delete;

  // Admits a call that is to go out under the key with this name, which then counts as in flight
  // for as long as the permit exists. Or rejects it. `random` is uniform in [0, 1) and spreads the
  // return of those that are rejected.
  [[nodiscard]] std::variant<Permit, Rejection> TryAcquire(TimePoint now, std::string_view key,
                                                           double random);

  // Permits that exist.
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
  // Of the key with this name.
  [[nodiscard]] RetryAfterGate& retry_after_gate(std::string_view key);
  // Of all keys: how many times one began, and how much longer the longest one lasts.
  [[nodiscard]] std::uint64_t retry_after_gate_closures() const;
  [[nodiscard]] std::chrono::milliseconds longest_retry_after_gate_wait(TimePoint now) const;
  [[nodiscard]] RetryBudget& retry_budget() { return retry_budget_; }

 private:
  std::size_t max_in_flight_;
  std::size_t in_flight_ = 0;
  std::chrono::milliseconds max_hold_back_;
  std::map<std::string, RetryAfterGate, std::less<>> retry_after_gates_;  // by key
  RetryBudget retry_budget_;
};

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_ADMISSION_CONTROLLER_H_
