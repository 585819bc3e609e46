// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/quota.h"

#include <algorithm>
#include <cmath>

namespace evalrun::backend {

std::optional<std::chrono::seconds> Quota::TryAcquire(std::string_view key_name,
                                                      std::int64_t requests_per_minute,
                                                      Clock::time_point now) {
  const double depth = static_cast<double>(requests_per_minute);
  const double per_second = depth / 60.0;
  const std::lock_guard lock(mutex_);
  auto entry = buckets_.find(key_name);
  if (entry == buckets_.end()) {
    entry = buckets_.emplace(std::string(key_name), Bucket{depth, now}).first;
  }
  Bucket& bucket = entry->second;
  const std::chrono::duration<double> since = now - bucket.filled_at;
  bucket.tokens = std::min(depth, bucket.tokens + std::max(0.0, since.count()) * per_second);
  bucket.filled_at = std::max(bucket.filled_at, now);
  if (bucket.tokens < 1.0) {
    return std::chrono::seconds(std::lround(std::ceil((1.0 - bucket.tokens) / per_second)));
  }
  bucket.tokens -= 1.0;
  return std::nullopt;
}

}  // namespace evalrun::backend
