// File: lease.h
//
// How replicas share a limit. Each replica may always let in its share (MakeReplicaQuota() in
// gcra.h), and tells the shared store afterwards. Beyond its share it uses what it has leased from
// the store: calls that are already charged there, taken in batches ahead of need. The store
// charges what it is told and grants what is left, so what one replica leaves of its share another
// can use.
//
// A replica that the store does not answer goes on with its share. Nothing here waits, and nothing
// depends on clocks being the same: the store uses its own, and a lease counts from its arrival.
//
// The bound. Let the limit be `rate` with `burst`, B = max(burst, rate x 50 ms) and S = max(burst,
// replicas). Over any window W all replicas together let in at most
//
//   rate x (W + lease time) + B + 2 S
//
// and B more for each time that the store loses what it knew, and S / replicas for each replica
// that starts anew: the store grants at most its rate and B; leases may be used up to the lease
// time (250 ms, or four calls' time if that is longer) after they were granted; and the shares' own
// bursts, S together, count once for what the store is told late and once for what it is told on
// top. Where the store is cut off from k of n replicas, while the others reach it, those k add
// their shares, k / n of the limit, for as long as that lasts.
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
inline constexpr std::int64_t kPrefetchWindow = 100'000'000;     // for how long a batch should last
inline constexpr std::int64_t kMinRequestInterval = 20'000'000;  // per key
inline constexpr std::int64_t kMinLeaseTime = 250'000'000;
inline constexpr std::int64_t kMinStoreBurstTime = 50'000'000;

// What the store has to know of a quota. In nanoseconds.
struct StoreQuota {
  std::int64_t interval = 1;
  std::int64_t burst_tolerance = 1;  // grants end when the TAT is this far ahead
  std::int64_t max_ahead =
      1;  // further ahead the TAT cannot be by right: the store's clock was set

  bool operator==(const StoreQuota&) const = default;
};

// A small burst is widened to what comes in between two asks, or it would be lost.
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

// What the store does, at its own `now`, with a replica's word that it has let in `spent` calls and
// wants to lease `requested`. Returns how many it may. The script in redis_store.cc does the same.
[[nodiscard]] constexpr std::uint32_t AcquireFromStore(const StoreQuota& quota, std::int64_t* tat,
                                                       std::int64_t now, std::int64_t spent,
                                                       std::int64_t requested) {
  *tat = std::clamp(*tat, now, now + quota.max_ahead) + spent * quota.interval;
  const std::int64_t left = (now + quota.burst_tolerance - *tat) / quota.interval;
  const std::int64_t granted = std::clamp<std::int64_t>(left, 0, requested);
  *tat += granted * quota.interval;
  return static_cast<std::uint32_t>(granted);
}

// One key at one replica, beyond its share. Times are the replica's.
class Lease {
 public:
  struct Request {
    std::uint32_t spent;
    std::uint32_t requested;
  };

  // Leased calls that may be let in now.
  [[nodiscard]] std::uint32_t usable(std::int64_t now) const {
    return now < expires_ ? calls_left_ : 0;
  }
  // Lets one of them in.
  void Use() { --calls_left_; }
  // A call was let in from the share, whose quota this is. What the store could not be told for
  // longer than a lease lasts is forgotten beyond a burst: after an outage it is past.
  void RecordShareUse(const Quota& share) {
    if (unreported_ <= share.burst + kMinLeaseTime / share.interval) ++unreported_;
  }

  // A call came, let in or not.
  void RecordArrival(std::int64_t now);

  // What to ask of the store now: nothing while an answer is awaited, was had a moment ago, or
  // there is no need. `share_tat`: of the share, as it is.
  [[nodiscard]] std::optional<Request> NextRequest(const Quota& share, std::int64_t share_tat,
                                                   std::int64_t now);

  // The answer to the last Request; 0 granted also when there was none.
  void OnResponse(std::uint32_t granted, std::int64_t lease_time, std::int64_t now);

 private:
  // Calls that came lately, per kPrefetchWindow.
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
