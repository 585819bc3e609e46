// SPDX-License-Identifier: Apache-2.0
//
// File: gcra.h
//
// The generic cell rate algorithm (GCRA): a limit of calls per period with a burst, whose whole
// state is one number, the theoretical arrival time (TAT). That is the time at which the next call
// would arrive if calls were evenly spaced and none had come early. A call is admitted while the
// TAT is ahead of now by less than the burst tolerance, and advances the TAT by one interval.
// Unused capacity accumulates, up to the burst, as the TAT falls behind.
//
// Pure integer arithmetic over (state, now, cost), in nanoseconds of any one clock. The state 0,
// and any other TAT that is not ahead of now, is equivalent to that of a key that was never used.
// That is why such a key can be forgotten: see bucket_table.h. A Redis script (redis_store.cc) does
// the same arithmetic.
#ifndef EVALRUN_SERVICE_RATELIMIT_GCRA_H_
#define EVALRUN_SERVICE_RATELIMIT_GCRA_H_

#include <algorithm>
#include <cstdint>

namespace evalrun::ratelimit {

struct Quota {
  std::int64_t interval = 0;  // nanoseconds per call in the long run; above 0
  std::int64_t burst = 1;     // calls that may come at once after an idle period; above 0

  bool operator==(const Quota&) const = default;
};

// For `calls` in `period` nanoseconds. The interval is rounded up, so that the rate is never
// exceeded.
[[nodiscard]] constexpr Quota MakeQuota(std::int64_t calls, std::int64_t period,
                                        std::int64_t burst) {
  return {.interval = (period + calls - 1) / calls, .burst = burst};
}

// The quota of one of `replicas` that do not communicate, so that together they keep the limit.
// Only a burst smaller than the number of replicas is exceeded: each may admit at least one call.
[[nodiscard]] constexpr Quota MakeReplicaQuota(const Quota& quota, std::int64_t replicas) {
  return {.interval = quota.interval * replicas,
          .burst = std::max<std::int64_t>(1, quota.burst / replicas)};
}

namespace gcra {

// How far, in nanoseconds, the TAT may be ahead of now after a call.
[[nodiscard]] constexpr std::int64_t BurstTolerance(const Quota& quota) {
  return quota.interval * quota.burst;
}

// The TAT after `cost` more calls. A TAT from before the quota was reduced is clamped to what the
// quota allows now.
[[nodiscard]] constexpr std::int64_t NextTat(const Quota& quota, std::int64_t tat, std::int64_t now,
                                             std::int64_t cost = 1) {
  return std::clamp(tat, now, now + BurstTolerance(quota)) + cost * quota.interval;
}

// Nanoseconds until there is capacity for `cost` calls if no other call uses it first; 0: there is
// now. `cost` must not exceed the burst, for which there is never capacity.
[[nodiscard]] constexpr std::int64_t WaitTime(const Quota& quota, std::int64_t tat,
                                              std::int64_t now, std::int64_t cost = 1) {
  return std::max<std::int64_t>(0, NextTat(quota, tat, now, cost) - BurstTolerance(quota) - now);
}

// For how many calls there is capacity now, up to the burst.
[[nodiscard]] constexpr std::int64_t Available(const Quota& quota, std::int64_t tat,
                                               std::int64_t now) {
  return (now + BurstTolerance(quota) - std::clamp(tat, now, now + BurstTolerance(quota))) /
         quota.interval;
}

}  // namespace gcra
}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_GCRA_H_
