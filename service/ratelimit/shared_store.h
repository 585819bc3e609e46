// File: shared_store.h
//
// Where replicas share their limits, and the desk between calls and whoever talks to it.
#ifndef EVALRUN_SERVICE_RATELIMIT_SHARED_STORE_H_
#define EVALRUN_SERVICE_RATELIMIT_SHARED_STORE_H_

#include <time.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include <absl/status/status.h>
#include <semaphore.h>

#include "service/ratelimit/key_table.h"
#include "service/ratelimit/lease.h"
#include "service/ratelimit/spsc_ring.h"

namespace evalrun::ratelimit {

struct LeaseRequest {
  KeyTable::Index index = 0;
  KeyTable::Hash hash = 0;
  std::string key;  // RULE:SUBJECT, the same at all replicas
  StoreQuota quota;
  std::int64_t lease_time = 0;
  std::uint32_t spent = 0;
  std::uint32_t want = 0;
};

struct LeaseAnswer {
  KeyTable::Index index = 0;
  KeyTable::Hash hash = 0;
  std::int64_t lease_time = 0;
  std::uint32_t granted = 0;
};

class SharedStore {
 public:
  virtual ~SharedStore() = default;

  // Does TakeFromStore() for each request; `granted` is as long as `requests`. Without requests it
  // looks whether the store is there. May block for a while. After an error nothing is known of any
  // of them. The error's text has no secrets.
  virtual absl::Status Take(std::span<const LeaseRequest* const> requests,
                            std::span<std::uint32_t> granted) = 0;
};

// Requests one way, answers the other. Calls use it without waiting: when it is full they go on
// with their share.
class LeaseDesk {
 public:
  static constexpr std::size_t kSlots = 1024;

  LeaseDesk() { sem_init(&bell_, 0, 0); }
  ~LeaseDesk() { sem_destroy(&bell_); }
  LeaseDesk(const LeaseDesk&) = delete;
  LeaseDesk& operator=(const LeaseDesk&) = delete;

  SpscRing<LeaseRequest> requests{kSlots};
  SpscRing<LeaseAnswer> answers{kSlots};

  // After each request, for the thread that waits for them. Makes a system call only when it does.
  void Ring() { sem_post(&bell_); }
  // Returns when the bell has been rung since the last return, but after `longest` at the latest.
  void WaitForRing(std::chrono::seconds longest) {
    timespec until{};
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += longest.count();
    sem_timedwait(&bell_, &until);
    while (sem_trywait(&bell_) == 0) continue;
  }

 private:
  sem_t bell_{};
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_SHARED_STORE_H_
