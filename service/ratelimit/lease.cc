// SPDX-License-Identifier: Apache-2.0

#include "service/ratelimit/lease.h"

namespace evalrun::ratelimit {
namespace {

// After an idle period arrivals are counted anew; before that, older arrivals count less and less.
constexpr std::int64_t kArrivalResetAfter = 8 * kPrefetchWindow;
constexpr std::int64_t kArrivalHalveAfter = 2 * kPrefetchWindow;

}  // namespace

void Lease::RecordArrival(std::int64_t now) {
  const std::int64_t counted = now - arrivals_since_;
  if (counted > kArrivalResetAfter) {
    arrivals_ = 0;
    arrivals_since_ = now;
  } else if (counted > kArrivalHalveAfter) {
    arrivals_ /= 2;
    arrivals_since_ = now - counted / 2;
  }
  ++arrivals_;
}

std::int64_t Lease::Demand(std::int64_t now) const {
  const std::int64_t counted = std::max(now - arrivals_since_, kPrefetchWindow);
  return (std::int64_t{arrivals_} * kPrefetchWindow + counted - 1) / counted;
}

std::optional<Lease::Request> Lease::NextRequest(const Quota& share, std::int64_t share_tat,
                                                 std::int64_t now) {
  if (request_pending_ || now < next_request_at_) return std::nullopt;
  const std::int64_t leased = usable(now);
  const std::int64_t share_left = gcra::Available(share, share_tat, now);
  const std::int64_t supply = leased + share_left + kPrefetchWindow / share.interval;
  std::int64_t requested = std::max<std::int64_t>(0, Demand(now) - supply);
  // A key with sparse calls leases one call at a time.
  if (leased == 0 && share_left == 0) requested = std::max<std::int64_t>(1, requested);
  const bool must_report = 2 * std::int64_t{unreported_} >= share.burst && unreported_ > 0;
  if (requested == 0 && !must_report) return std::nullopt;
  request_pending_ = true;
  const Request request{.spent = unreported_, .requested = static_cast<std::uint32_t>(requested)};
  unreported_ = 0;
  return request;
}

void Lease::OnResponse(std::uint32_t granted, std::int64_t lease_time, std::int64_t now) {
  request_pending_ = false;
  next_request_at_ = now + kMinRequestInterval;
  if (granted == 0) return;
  calls_left_ = usable(now) + granted;
  expires_ = now + lease_time;
}

}  // namespace evalrun::ratelimit
