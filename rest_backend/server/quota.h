// File: quota.h
//
// How many requests a key may still make.
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

// A token bucket per key: full at first, one minute's worth deep, refilled evenly. Counts live in
// memory and start afresh with the process. Thread-safe.
class Quota {
 public:
  using Clock = std::chrono::steady_clock;

  // Takes one request from the key's bucket. nullopt: it may go ahead. Otherwise it took nothing,
  // and the value is how long, in whole seconds rounded up, until there is one.
  [[nodiscard]] std::optional<std::chrono::seconds> TryAcquire(std::string_view key_name,
                                                               std::int64_t requests_per_minute,
                                                               Clock::time_point now);

 private:
  struct Bucket {
    double tokens;
    Clock::time_point filled_at;
  };

  std::mutex mutex_;
  std::map<std::string, Bucket, std::less<>> buckets_;  // as many as there are keys in the seed
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_QUOTA_H_
