// SPDX-License-Identifier: Apache-2.0
//
// File: limit_snapshot.h
//
// The state of the limiter as it is shown to operators. Pure.
#ifndef EVALRUN_SERVICE_RATELIMIT_LIMIT_SNAPSHOT_H_
#define EVALRUN_SERVICE_RATELIMIT_LIMIT_SNAPSHOT_H_

#include <cstdint>

#include "service/observability/limit_metrics.h"
#include "service/ratelimit/limiter.h"

namespace evalrun::ratelimit {

// `now` is on the limiter's clock.
[[nodiscard]] observability::LimitSnapshot MakeLimitSnapshot(const Limiter& limiter,
                                                             std::int64_t now);

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_LIMIT_SNAPSHOT_H_
