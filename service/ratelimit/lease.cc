#include "service/ratelimit/lease.h"

namespace evalrun::ratelimit {
namespace {

// Counting begins anew after a rest; before that older calls count for less and less.
constexpr std::int64_t kRest = 8 * kLeaseAhead;
constexpr std::int64_t kHalveAfter = 2 * kLeaseAhead;

}  // namespace

void Lease::CountCall(std::int64_t now) {
  const std::int64_t counted = now - counting_since_;
  if (counted > kRest) {
    came_ = 0;
    counting_since_ = now;
  } else if (counted > kHalveAfter) {
    came_ /= 2;
    counting_since_ = now - counted / 2;
  }
  ++came_;
}

std::int64_t Lease::Demand(std::int64_t now) const {
  const std::int64_t counted = std::max(now - counting_since_, kLeaseAhead);
  return (std::int64_t{came_} * kLeaseAhead + counted - 1) / counted;
}

std::optional<Lease::Ask> Lease::NextAsk(const Quota& share, std::int64_t share_tat,
                                         std::int64_t now) {
  if (asking_ || now < ask_after_) return std::nullopt;
  const std::int64_t leased = usable(now);
  const std::int64_t share_left = gcra::Available(share, share_tat, now);
  const std::int64_t supply = leased + share_left + kLeaseAhead / share.interval;
  std::int64_t want = std::max<std::int64_t>(0, Demand(now) - supply);
  // A key with a call now and then: one call at a time.
  if (leased == 0 && share_left == 0) want = std::max<std::int64_t>(1, want);
  const bool must_report = 2 * std::int64_t{unreported_} >= share.burst && unreported_ > 0;
  if (want == 0 && !must_report) return std::nullopt;
  asking_ = true;
  const Ask ask{.spent = unreported_, .want = static_cast<std::uint32_t>(want)};
  unreported_ = 0;
  return ask;
}

void Lease::OnAnswer(std::uint32_t granted, std::int64_t lease_time, std::int64_t now) {
  asking_ = false;
  ask_after_ = now + kAskEvery;
  if (granted == 0) return;
  calls_left_ = usable(now) + granted;
  expires_ = now + lease_time;
}

}  // namespace evalrun::ratelimit
