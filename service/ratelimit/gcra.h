// File: gcra.h
//
// The generic cell rate algorithm: a limit of so many calls per period, with a burst, in one number
// of state. The number is the theoretical arrival time (TAT): the time at which the next call would
// arrive if calls came evenly and none had come too early. A call is let in while the TAT is ahead
// of now by less than the burst allows, and pushes it on by one interval. What has not been used
// saves up as the TAT falls behind, up to the burst.
//
// Pure integer arithmetic over (state, now, cost), in nanoseconds of any one clock. The state 0,
// and any other that is not ahead of now, is that of a key that was never used. That is what makes
// it safe to forget a key: see bucket_table.h. A Redis script (redis_store.cc) does the same sums.
#ifndef EVALRUN_SERVICE_RATELIMIT_GCRA_H_
#define EVALRUN_SERVICE_RATELIMIT_GCRA_H_

#include <algorithm>
#include <cstdint>

namespace evalrun::ratelimit {

struct Quota {
  std::int64_t interval = 0;  // nanoseconds from call to call in the long run; above 0
  std::int64_t burst = 1;     // calls that may come at once after a rest; above 0

  bool operator==(const Quota&) const = default;
};

// `calls` in `period` nanoseconds. The interval is rounded up: never more than that.
[[nodiscard]] constexpr Quota MakeQuota(std::int64_t calls, std::int64_t period,
                                        std::int64_t burst) {
  return {.interval = (period + calls - 1) / calls, .burst = burst};
}

// What one of `replicas` that know nothing of each other may let in, so that together they keep the
// limit. Only a burst smaller than their number is exceeded: each has at least one call.
[[nodiscard]] constexpr Quota MakeReplicaQuota(const Quota& quota, std::int64_t replicas) {
  return {.interval = quota.interval * replicas,
          .burst = std::max<std::int64_t>(1, quota.burst / replicas)};
}

namespace gcra {

// How far ahead of now the TAT may be after a call.
[[nodiscard]] constexpr std::int64_t BurstTolerance(const Quota& quota) {
  return quota.interval * quota.burst;
}

// The TAT after `cost` more calls. A state from a time when the quota was larger is cut to what
// this one allows.
[[nodiscard]] constexpr std::int64_t NextTat(const Quota& quota, std::int64_t tat, std::int64_t now,
                                             std::int64_t cost = 1) {
  return std::clamp(tat, now, now + BurstTolerance(quota)) + cost * quota.interval;
}

// How long until `cost` calls have room, when nobody takes it first; 0: they have it now. `cost` is
// at most the burst: more would never have room.
[[nodiscard]] constexpr std::int64_t WaitTime(const Quota& quota, std::int64_t tat,
                                              std::int64_t now, std::int64_t cost = 1) {
  return std::max<std::int64_t>(0, NextTat(quota, tat, now, cost) - BurstTolerance(quota) - now);
}

// How many calls have room now, up to the burst.
[[nodiscard]] constexpr std::int64_t Available(const Quota& quota, std::int64_t tat,
                                               std::int64_t now) {
  return (now + BurstTolerance(quota) - std::clamp(tat, now, now + BurstTolerance(quota))) /
         quota.interval;
}

}  // namespace gcra
}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_GCRA_H_
