// File: shared_store.h
//
// Where replicas share their limits, and the mailbox between calls and whoever talks to it.
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
  std::string key;  // RULE:SUBJECT, the same at all replicas
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

  // Does AcquireFromStore() for each request; `granted` is as long as `requests`. Without requests
  // it looks whether the store is there. May block for a while. After an error nothing is known of
  // any of them. The error's text has no secrets.
  virtual absl::Status Acquire(std::span<const LeaseRequest* const> requests,
                               std::span<std::uint32_t> granted) = 0;
};

// Requests one way, responses the other. Calls use it without waiting: when it is full they go on
// with their share.
class LeaseMailbox {
 public:
  static constexpr std::size_t kSlots = 1024;

  LeaseMailbox() { sem_init(&semaphore_, 0, 0); }
  ~LeaseMailbox() { sem_destroy(&semaphore_); }
  LeaseMailbox(const LeaseMailbox&) = delete;
  LeaseMailbox& operator=(const LeaseMailbox&) = delete;

  SpscRing<LeaseRequest> requests{kSlots};
  SpscRing<LeaseResponse> responses{kSlots};

  // After each request, for the thread that waits for them. Makes a system call only when it does.
  void Notify() { sem_post(&semaphore_); }
  // Returns when the bell has been rung since the last return, but after `longest` at the latest.
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
