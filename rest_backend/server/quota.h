// SPDX-License-Identifier: Apache-2.0
//
// File: quota.h
//
// Limits the number of requests per API key.
#ifndef EVALRUN_REST_BACKEND_SERVER_QUOTA_H_
#define EVALRUN_REST_BACKEND_SERVER_QUOTA_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace evalrun::backend {

// A token bucket per key: initially full, with a capacity of one minute's requests, refilled
// evenly. The state is kept in memory and is lost when the process restarts. Thread-safe.
class Quota {
 public:
  using Clock = std::chrono::steady_clock;

  // Takes one request from the key's bucket and returns nullopt. If the bucket is empty, takes
  // nothing and returns how long until there is one, in whole seconds rounded up.
  [[nodiscard]] std::optional<std::chrono::seconds> TryAcquire(std::string_view key_name,
                                                               std::int64_t requests_per_minute,
                                                               Clock::time_point now);

 private:
  struct Bucket {
    double tokens;
    Clock::time_point filled_at;
  };

  std::mutex mutex_;
  std::map<std::string, Bucket, std::less<>> buckets_;  // at most one for each key in the seed
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_QUOTA_H_
