// SPDX-License-Identifier: Apache-2.0
//
// File: lease.h
//
// How replicas share a limit. Each replica may always admit its share (MakeReplicaQuota() in
// gcra.h), and reports it to the shared store afterwards. Beyond its share it uses leases: calls
// that the store has already charged, acquired in batches before they are needed. The store charges
// what is reported and grants what is left, so that a replica can use what the others leave unused.
//
// A replica that cannot reach the store continues with its share. Nothing here blocks, and clocks
// need not be synchronized: the store uses its own, and a lease's time starts when it arrives.
//
// The bound. Let the limit be `rate` with `burst`, B = max(burst, rate x 50 ms) and S = max(burst,
// replicas). Over any window W all replicas together admit at most
//
//   rate x (W + lease time) + B + 2 S
//
// plus B for each time that the store loses its data, plus S / replicas for each replica that
// restarts. The terms: the store grants at most the rate and B; a lease may be used until the lease
// time (250 ms, or the time of four calls if that is longer) after it was granted; and the bursts
// of the shares, S together, count once for use that is reported late and once for use that the
// store charges in addition. While k of n replicas cannot reach the store and the others can, those
// k add their shares, k / n of the limit.
//
// Pure.
#ifndef EVALRUN_SERVICE_RATELIMIT_LEASE_H_
#define EVALRUN_SERVICE_RATELIMIT_LEASE_H_

#include <algorithm>
#include <cstdint>
#include <optional>

#include "service/ratelimit/gcra.h"

namespace evalrun::ratelimit {

// Nanoseconds.
inline constexpr std::int64_t kPrefetchWindow = 100'000'000;     // how long a batch should last
inline constexpr std::int64_t kMinRequestInterval = 20'000'000;  // for each key
inline constexpr std::int64_t kMinLeaseTime = 250'000'000;
inline constexpr std::int64_t kMinStoreBurstTime = 50'000'000;

// What the store needs to know of a quota. In nanoseconds.
struct StoreQuota {
  std::int64_t interval = 1;
  std::int64_t burst_tolerance = 1;  // nothing is granted when the TAT is this far ahead
  std::int64_t max_ahead =
      1;  // a TAT further ahead than this means that the store's clock was set back

  bool operator==(const StoreQuota&) const = default;
};

// A burst smaller than what arrives between two requests to the store is raised to that; otherwise
// capacity would be lost.
[[nodiscard]] constexpr StoreQuota MakeStoreQuota(const Quota& quota, std::int64_t replicas) {
  const std::int64_t slack = (kMinStoreBurstTime + quota.interval - 1) / quota.interval;
  const std::int64_t burst_tolerance = quota.interval * std::max(quota.burst, slack);
  return {.interval = quota.interval,
          .burst_tolerance = burst_tolerance,
          .max_ahead = burst_tolerance + 2 * quota.interval * std::max(quota.burst, replicas)};
}

[[nodiscard]] constexpr std::int64_t LeaseTime(const Quota& quota) {
  return std::max(kMinLeaseTime, 4 * quota.interval);
}

// What the store does, at its own time `now`, for a replica that reports `spent` admitted calls and
// requests a lease of `requested` calls. Returns the number of calls granted. The script in
// redis_store.cc does the same.
[[nodiscard]] constexpr std::uint32_t AcquireFromStore(const StoreQuota& quota, std::int64_t* tat,
                                                       std::int64_t now, std::int64_t spent,
                                                       std::int64_t requested) {
  *tat = std::clamp(*tat, now, now + quota.max_ahead) + spent * quota.interval;
  const std::int64_t left = (now + quota.burst_tolerance - *tat) / quota.interval;
  const std::int64_t granted = std::clamp<std::int64_t>(left, 0, requested);
  *tat += granted * quota.interval;
  return static_cast<std::uint32_t>(granted);
}

// A replica's lease for one key, used beyond its share. Times are the replica's. Not thread-safe.
class Lease {
 public:
  struct Request {
    std::uint32_t spent;
    std::uint32_t requested;
  };

  // Leased calls that may be admitted now.
  [[nodiscard]] std::uint32_t usable(std::int64_t now) const {
    return now < expires_ ? calls_left_ : 0;
  }
  // Admits one of them. usable() must be above 0.
  void Use() { --calls_left_; }
  // Records that a call was admitted from the share, whose quota is `share`. While the store is
  // unreachable, at most one burst and the calls of one lease time are kept to report; older usage
  // no longer matters.
  void RecordShareUse(const Quota& share) {
    if (unreported_ <= share.burst + kMinLeaseTime / share.interval) ++unreported_;
  }

  // Records that a call arrived, admitted or not.
  void RecordArrival(std::int64_t now);

  // The request to make to the store now; nullopt while a response is pending, for
  // kMinRequestInterval after one, and when nothing is needed. `share_tat` is the TAT of the share.
  [[nodiscard]] std::optional<Request> NextRequest(const Quota& share, std::int64_t share_tat,
                                                   std::int64_t now);

  // Takes the response to the last request; a failed request counts as 0 granted.
  void OnResponse(std::uint32_t granted, std::int64_t lease_time, std::int64_t now);

 private:
  // Calls that arrived recently, per kPrefetchWindow.
  [[nodiscard]] std::int64_t Demand(std::int64_t now) const;

  std::int64_t expires_ = 0;
  std::int64_t next_request_at_ = 0;
  std::int64_t arrivals_since_ = 0;
  std::uint32_t arrivals_ = 0;
  std::uint32_t calls_left_ = 0;
  std::uint32_t unreported_ = 0;
  bool request_pending_ = false;
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_LEASE_H_
