// SPDX-License-Identifier: Apache-2.0
//
// File: shared_limits.h
//
// Connects the limiter to Redis when the configuration shares limits between gateways: the mailbox,
// the store, the thread between them, and the event and metric about the store's state.
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
  // Starts immediately. `address` is the store's address as it appears in events. `events` and
  // `registry` must outlive this object.
  SharedLimits(RedisOptions options, std::string address, const observability::EventLog* events,
               prometheus::Registry* registry);

  // For the limiter, which must not outlive this object.
  [[nodiscard]] LeaseMailbox* mailbox() { return &mailbox_; }

  // Ends the thread. False as by LeaseThread::Close().
  [[nodiscard]] bool Close() { return thread_.Close(); }

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
