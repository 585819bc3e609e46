// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/deletion/admission_controller.h"

#include <algorithm>

namespace evalrun::deletion {
namespace {

using std::chrono::milliseconds;

// When capacity will be available is not known. Between 0.5 s and 1.5 s, so that calls that were
// rejected together are not repeated together.
milliseconds InFlightCapRetryDelay(double random) {
  return milliseconds(500 + static_cast<milliseconds::rep>(1000 * random));
}

}  // namespace

std::string_view RejectReasonName(RejectReason reason) {
  return reason == RejectReason::kInFlightCap ? "in_flight_cap" : "hold_back";
}

std::string_view RejectErrorReason(RejectReason reason) {
  return reason == RejectReason::kInFlightCap ? "IN_FLIGHT_CAP" : "UPSTREAM_HOLD_BACK";
}

RetryAfterGate& AdmissionController::retry_after_gate(std::string_view key) {
  const auto found = retry_after_gates_.find(key);
  if (found != retry_after_gates_.end()) return found->second;
  return retry_after_gates_.emplace(key, RetryAfterGate(max_hold_back_)).first->second;
}

std::uint64_t AdmissionController::retry_after_gate_closures() const {
  std::uint64_t closures = 0;
  for (const auto& [key, gate] : retry_after_gates_) closures += gate.closures();
  return closures;
}

milliseconds AdmissionController::longest_retry_after_gate_wait(TimePoint now) const {
  milliseconds longest(0);
  for (const auto& [key, gate] : retry_after_gates_) {
    longest = std::max(longest, gate.Remaining(now));
  }
  return longest;
}

std::variant<AdmissionController::Permit, AdmissionController::Rejection>
AdmissionController::TryAcquire(TimePoint now, std::string_view key, double random) {
  const milliseconds held = retry_after_gate(key).Remaining(now);
  if (held > milliseconds(0)) return Rejection{RejectReason::kHoldBack, held};
  if (max_in_flight_ != 0 && in_flight_ >= max_in_flight_) {
    return Rejection{RejectReason::kInFlightCap, InFlightCapRetryDelay(random)};
  }
  retry_budget_.Deposit();
  return Permit(this);
}

}  // namespace evalrun::deletion
