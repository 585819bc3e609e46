#include "rest_backend/api/upstream_guard.h"

namespace evalrun::rest {
namespace {

using std::chrono::milliseconds;

// Nobody can know when there will be room. Between half a second and one and a half, so that those
// who were refused together do not come back together.
milliseconds WaitForRoom(double random) {
  return milliseconds(500 + static_cast<milliseconds::rep>(1000 * random));
}

}  // namespace

std::string_view RefusalName(Refusal refusal) {
  return refusal == Refusal::kInFlightCap ? "in_flight_cap" : "hold_back";
}

std::string_view RefusalReason(Refusal refusal) {
  return refusal == Refusal::kInFlightCap ? "IN_FLIGHT_CAP" : "UPSTREAM_HOLD_BACK";
}

std::optional<UpstreamGuard::Refused> UpstreamGuard::Admit(TimePoint now, double random) {
  const milliseconds held = hold_back_.Remaining(now);
  if (held > milliseconds(0)) return Refused{Refusal::kHoldBack, held};
  if (max_in_flight_ != 0 && in_flight_ >= max_in_flight_) {
    return Refused{Refusal::kInFlightCap, WaitForRoom(random)};
  }
  ++in_flight_;
  retry_budget_.OnCall();
  return std::nullopt;
}

}  // namespace evalrun::rest
