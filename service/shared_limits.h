// File: shared_limits.h
//
// Limits that are counted together with other gateways over Redis, where the configuration says so:
// the desk, the store, the thread between them, and what operators hear of it.
#ifndef EVALRUN_SERVICE_SHARED_LIMITS_H_
#define EVALRUN_SERVICE_SHARED_LIMITS_H_

#include <string>

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include "service/limits/lease_thread.h"
#include "service/limits/redis_store.h"
#include "service/limits/shared_store.h"
#include "service/observability/event_log.h"

namespace evalrun::service {

class SharedLimits {
 public:
  // Begins at once. `address` is the store's, as it is shown. Pointers outlive this object.
  SharedLimits(RedisOptions options, std::string address, const EventLog* events,
               prometheus::Registry* registry);

  // For the limiter, which this object outlives.
  [[nodiscard]] LeaseDesk* desk() { return &desk_; }

 private:
  void OnChange(const absl::Status& state);

  const std::string address_;
  const EventLog& events_;
  prometheus::Gauge& up_;
  LeaseDesk desk_;
  RedisStore store_;
  LeaseThread thread_;
};

}  // namespace evalrun::service

#endif  // EVALRUN_SERVICE_SHARED_LIMITS_H_
