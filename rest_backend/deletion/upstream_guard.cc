#include "rest_backend/deletion/upstream_guard.h"

#include <algorithm>

namespace evalrun::deletion {
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

HoldBack& UpstreamGuard::hold_back(std::string_view key) {
  const auto found = hold_backs_.find(key);
  if (found != hold_backs_.end()) return found->second;
  return hold_backs_.emplace(key, HoldBack(max_hold_back_)).first->second;
}

std::uint64_t UpstreamGuard::hold_backs_begun() const {
  std::uint64_t begun = 0;
  for (const auto& [key, hold_back] : hold_backs_) begun += hold_back.begun();
  return begun;
}

milliseconds UpstreamGuard::longest_hold_back(TimePoint now) const {
  milliseconds longest(0);
  for (const auto& [key, hold_back] : hold_backs_) {
    longest = std::max(longest, hold_back.Remaining(now));
  }
  return longest;
}

std::optional<UpstreamGuard::Refused> UpstreamGuard::Admit(TimePoint now, std::string_view key,
                                                           double random) {
  const milliseconds held = hold_back(key).Remaining(now);
  if (held > milliseconds(0)) return Refused{Refusal::kHoldBack, held};
  if (max_in_flight_ != 0 && in_flight_ >= max_in_flight_) {
    return Refused{Refusal::kInFlightCap, WaitForRoom(random)};
  }
  ++in_flight_;
  retry_budget_.OnCall();
  return std::nullopt;
}

}  // namespace evalrun::deletion
