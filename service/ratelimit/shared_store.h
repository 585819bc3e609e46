// SPDX-License-Identifier: Apache-2.0
//
// File: shared_store.h
//
// Interface to the shared rate-limit store, and the queue pair between the event loop and the
// thread that talks to the store.
#ifndef EVALRUN_SERVICE_RATELIMIT_SHARED_STORE_H_
#define EVALRUN_SERVICE_RATELIMIT_SHARED_STORE_H_

#include <time.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include <absl/status/status.h>
#include <semaphore.h>

#include "service/ratelimit/bucket_table.h"
#include "service/ratelimit/lease.h"
#include "service/ratelimit/spsc_ring.h"

namespace evalrun::ratelimit {

struct LeaseRequest {
  BucketTable::Index index = 0;
  BucketTable::Hash hash = 0;
  std::string key;  // RULE:SUBJECT, the same on all replicas
  StoreQuota quota;
  std::int64_t lease_time = 0;
  std::uint32_t spent = 0;
  std::uint32_t requested = 0;
};

struct LeaseResponse {
  BucketTable::Index index = 0;
  BucketTable::Hash hash = 0;
  std::int64_t lease_time = 0;
  std::uint32_t granted = 0;
};

class SharedStore {
 public:
  virtual ~SharedStore() = default;

  // Does AcquireFromStore() for each request; `granted` has the same size as `requests`. Without
  // requests it only checks that the store would do so for one: that it can be reached, and accepts
  // writes. May block. After an error it is unknown
  // whether any of the requests took effect. The error message contains no secrets.
  virtual absl::Status Acquire(std::span<const LeaseRequest* const> requests,
                               std::span<std::uint32_t> granted) = 0;
};

// Requests from the event loop to the lease thread, and responses back. The event loop never waits:
// when the queue is full, calls continue with their share.
class LeaseMailbox {
 public:
  static constexpr std::size_t kSlots = 1024;

  LeaseMailbox() { sem_init(&semaphore_, 0, 0); }
  ~LeaseMailbox() { sem_destroy(&semaphore_); }
  LeaseMailbox(const LeaseMailbox&) = delete;
  LeaseMailbox& operator=(const LeaseMailbox&) = delete;

  SpscRing<LeaseRequest> requests{kSlots};
  SpscRing<LeaseResponse> responses{kSlots};

  // Call after each Push() to `requests`, to wake the lease thread. Makes a system call only if the
  // thread is waiting.
  void Notify() { sem_post(&semaphore_); }
  // Waits for a Notify() since the last return, at most for `longest`.
  void WaitForNotification(std::chrono::seconds longest) {
    timespec until{};
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += longest.count();
    sem_timedwait(&semaphore_, &until);
    while (sem_trywait(&semaphore_) == 0) continue;
  }

 private:
  sem_t semaphore_{};
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_SHARED_STORE_H_
