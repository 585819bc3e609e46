// SPDX-License-Identifier: Apache-2.0
//
// File: limit_bound.h
//
// Checks calls against the bound that service/ratelimit/lease.h states for replicas that share a
// limit.
#ifndef EVALRUN_TESTS_SUPPORT_LIMIT_BOUND_H_
#define EVALRUN_TESTS_SUPPORT_LIMIT_BOUND_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "service/ratelimit/lease.h"

namespace evalrun::testing {

// The maximum over all windows of the number of calls minus `per_second` times the window's length.
// `times`: nanoseconds, sorted.
inline double WorstExcess(const std::vector<std::int64_t>& times, double per_second) {
  double worst = 0;
  double current = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    // The worst window that ends here either started earlier or starts with this call.
    const double passed =
        i == 0 ? 0 : static_cast<double>(times[i] - times[i - 1]) / 1e9 * per_second;
    current = std::max(current - passed, 0.0) + 1;
    worst = std::max(worst, current);
  }
  return worst;
}

// How many calls are allowed beyond rate x window. `losses`: how often the store lost its data;
// `restarts`: how many replicas restarted.
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
