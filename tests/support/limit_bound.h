// File: limit_bound.h
//
// The bound that service/ratelimit/lease.h states for replicas that share a limit, and how to hold
// calls against it.
#ifndef EVALRUN_TESTS_SUPPORT_LIMIT_BOUND_H_
#define EVALRUN_TESTS_SUPPORT_LIMIT_BOUND_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "service/ratelimit/lease.h"

namespace evalrun::testing {

// By how many calls the worst of all windows exceeds `per_second` times its length. `times`:
// nanoseconds, in order.
inline double WorstExcess(const std::vector<std::int64_t>& times, double per_second) {
  double worst = 0;
  double current = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    // The window that ends here either began before, or begins with this call.
    const double passed =
        i == 0 ? 0 : static_cast<double>(times[i] - times[i - 1]) / 1e9 * per_second;
    current = std::max(current - passed, 0.0) + 1;
    worst = std::max(worst, current);
  }
  return worst;
}

// What is allowed beyond rate x window. `losses`: how often the store lost what it knew;
// `restarts`: how many replicas began anew.
inline double AllowedExcess(const ratelimit::Quota& quota, int replicas, int losses = 0,
                            int restarts = 0) {
  const ratelimit::StoreQuota store = ratelimit::MakeStoreQuota(quota, replicas);
  const double per_second = 1e9 / static_cast<double>(quota.interval);
  const auto b = static_cast<double>(store.burst_tolerance / store.interval);
  const auto s = static_cast<double>(std::max<std::int64_t>(quota.burst, replicas));
  const double leases = static_cast<double>(ratelimit::LeaseTime(quota)) / 1e9 * per_second;
  return leases + b + 2 * s + losses * b + restarts * s / replicas;
}

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_LIMIT_BOUND_H_
