// File: shared_limits.h
//
// Limits that are counted together with other gateways over Redis, where the configuration says so:
// the mailbox, the store, the thread between them, and what operators hear of it.
#ifndef EVALRUN_SERVICE_RATELIMIT_SHARED_LIMITS_H_
#define EVALRUN_SERVICE_RATELIMIT_SHARED_LIMITS_H_

#include <string>

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include "service/observability/event_log.h"
#include "service/ratelimit/lease_thread.h"
#include "service/ratelimit/redis_store.h"
#include "service/ratelimit/shared_store.h"

namespace evalrun::ratelimit {

class SharedLimits {
 public:
  // Begins at once. `address` is the store's, as it is shown. Pointers outlive this object.
  SharedLimits(RedisOptions options, std::string address, const observability::EventLog* events,
               prometheus::Registry* registry);

  // For the limiter, which this object outlives.
  [[nodiscard]] LeaseMailbox* mailbox() { return &mailbox_; }

 private:
  void OnChange(const absl::Status& state);

  const std::string address_;
  const observability::EventLog& events_;
  prometheus::Gauge& up_;
  LeaseMailbox mailbox_;
  RedisStore store_;
  LeaseThread thread_;
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_SHARED_LIMITS_H_
