// SPDX-License-Identifier: Apache-2.0
//
// File: intent_log.h
//
// Where `audit.on_failure` is `refuse`: writes a line about a call before anything is sent for it.
#ifndef EVALRUN_SERVICE_HANDLER_INTENT_LOG_H_
#define EVALRUN_SERVICE_HANDLER_INTENT_LOG_H_

#include <chrono>

#include "service/observability/call_record.h"

namespace evalrun::handler {

class IntentWaiter {
 public:
  virtual void OnIntentWritten(bool written) = 0;

 protected:
  ~IntentWaiter() = default;
};

// Called, and calls back, on the thread of the calls.
class IntentLog {
 public:
  // Begins to write the line. `waiter`, which waits for no other, learns whether it was written;
  // never before this returns.
  virtual void Write(const observability::CallRecord& record,
                     std::chrono::system_clock::time_point now, IntentWaiter* waiter) = 0;

  // `waiter` waits no longer.
  virtual void Leave(IntentWaiter* waiter) = 0;

 protected:
  ~IntentLog() = default;
};

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_INTENT_LOG_H_
