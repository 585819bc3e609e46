// File: lease_thread.h
//
// The thread that takes requests for leases from the mailbox to the shared store and brings back
// the answers, so that no call ever waits for the store. When the store fails it answers that
// nothing was granted, and tries again a moment later.
#ifndef EVALRUN_SERVICE_RATELIMIT_LEASE_THREAD_H_
#define EVALRUN_SERVICE_RATELIMIT_LEASE_THREAD_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <thread>

#include <absl/status/status.h>

#include "service/ratelimit/shared_store.h"

namespace evalrun::ratelimit {

class LeaseThread {
 public:
  // `on_change` is called on this thread with the first state of the store, and whenever it can be
  // reached (OK) after it could not, or the other way round. `mailbox` and `store` outlive this
  // object.
  LeaseThread(LeaseMailbox* mailbox, SharedStore* store,
              std::function<void(const absl::Status& state)> on_change);
  // Returns when what is being asked has been answered, or has failed.
  ~LeaseThread();
  LeaseThread(const LeaseThread&) = delete;
  LeaseThread& operator=(const LeaseThread&) = delete;

 private:
  using Clock = std::chrono::steady_clock;

  void Run();
  // Asks for up to kMaxBatchSize requests, or, when there are none, whether the store is there.
  void ProcessBatch();
  void OnStoreStatus(const absl::Status& status);

  LeaseMailbox& mailbox_;
  SharedStore& store_;
  const std::function<void(const absl::Status& state)> on_change_;
  std::optional<bool> is_up_;
  Clock::time_point up_since_;
  Clock::time_point next_attempt_at_;  // while it is down
  std::chrono::milliseconds backoff_;  // after the next failure
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_LEASE_THREAD_H_
