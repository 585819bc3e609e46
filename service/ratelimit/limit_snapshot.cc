// SPDX-License-Identifier: Apache-2.0

#include "service/ratelimit/limit_snapshot.h"

#include <algorithm>
#include <cstddef>
#include <functional>

namespace evalrun::ratelimit {

using std::chrono::nanoseconds;

observability::LimitSnapshot MakeLimitSnapshot(const Limiter& limiter, std::int64_t now) {
  observability::LimitSnapshot snapshot{.keys = limiter.keys().size(),
                                        .evicted = limiter.keys().evicted(),
                                        .overflowed = limiter.overflowed()};
  const RuleSet& rules = limiter.rules();
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const LimitRule& rule = rules.rule(i);
    const Limiter::RuleCounts& counts = limiter.counts(i);
    snapshot.rules.push_back({.name = rule.name,
                              .by = std::string(LimitedByName(rule.by)),
                              .interval = nanoseconds(rule.quota.interval),
                              .burst = rule.quota.burst,
                              .shadow = rule.shadow,
                              .allowed = counts.allowed,
                              .denied = counts.denied,
                              .shadow_denied = counts.shadow_denied});
  }
  for (const Limiter::HotKey& entry : limiter.hot_keys()) {
    const double used =
        static_cast<double>(entry.tat - now) / static_cast<double>(entry.burst_tolerance);
    snapshot.near.push_back({.rule = rules.rule(entry.rule).name,
                             .subject = entry.subject,
                             .used = std::clamp(used, 0.0, 1.0),
                             .denied = entry.denied});
  }
  std::ranges::sort(snapshot.near, std::greater(), &observability::LimitSnapshot::HotKey::used);
  return snapshot;
}

}  // namespace evalrun::ratelimit
