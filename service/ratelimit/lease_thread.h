// SPDX-License-Identifier: Apache-2.0
//
// File: lease_thread.h
//
// The thread that carries lease requests from the mailbox to the shared store and the responses
// back, so that no call ever waits for the store. While the store fails, it responds that nothing
// was granted, and retries with backoff.
#ifndef EVALRUN_SERVICE_RATELIMIT_LEASE_THREAD_H_
#define EVALRUN_SERVICE_RATELIMIT_LEASE_THREAD_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <semaphore>
#include <thread>

#include <absl/status/status.h>

#include "service/ratelimit/shared_store.h"

namespace evalrun::ratelimit {

class LeaseThread {
 public:
  // Starts the thread. `on_change` is called on it with the first state of the store, and whenever
  // the store begins to grant leases (OK) or to fail; while it fails, also when the error changes,
  // at most every `min_error_interval`. `mailbox` and `store` must outlive this object.
  LeaseThread(LeaseMailbox* mailbox, SharedStore* store,
              std::function<void(const absl::Status& state)> on_change,
              std::chrono::milliseconds min_error_interval = std::chrono::seconds(10));
  // As Close(), and waits for the thread.
  ~LeaseThread();
  LeaseThread(const LeaseThread&) = delete;
  LeaseThread& operator=(const LeaseThread&) = delete;

  // Ends the thread. Returns false when a request to the store has not ended after a second: the
  // process must then end by std::_Exit(). Not concurrently with itself.
  [[nodiscard]] bool Close();

 private:
  using Clock = std::chrono::steady_clock;

  void Run();
  // Sends up to kMaxBatchSize requests, or, when there are none, checks that the store would grant
  // leases.
  void ProcessBatch();
  void OnStoreStatus(const absl::Status& status);

  LeaseMailbox& mailbox_;
  SharedStore& store_;
  const std::function<void(const absl::Status& state)> on_change_;
  const std::chrono::milliseconds min_error_interval_;
  std::optional<bool> is_up_;
  absl::Status reported_;  // to on_change_, last
  Clock::time_point reported_at_;
  Clock::time_point up_since_;
  Clock::time_point next_attempt_at_;  // while the store is down
  std::chrono::milliseconds backoff_;  // the delay after the next failure
  std::atomic<bool> stopping_{false};
  std::binary_semaphore ended_{0};
  std::thread thread_;
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_LEASE_THREAD_H_
