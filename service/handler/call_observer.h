// SPDX-License-Identifier: Apache-2.0
//
// File: call_observer.h
//
// What the handler reports about calls, for metrics and logs.
#ifndef EVALRUN_SERVICE_HANDLER_CALL_OBSERVER_H_
#define EVALRUN_SERVICE_HANDLER_CALL_OBSERVER_H_

#include <chrono>

#include "rest_backend/deletion/admission_controller.h"
#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/deletion/scope_proof.h"
#include "service/authz/key_ring.h"
#include "service/observability/call_record.h"

namespace evalrun::handler {

// Called on the thread of the calls.
class CallObserver {
 public:
  virtual void OnCallStarted() = 0;
  // By the admission controller; OnCallCompleted() follows.
  virtual void OnCallRejected(deletion::RejectReason reason) = 0;
  // Another attempt begins, and it is not the call's first.
  virtual void OnRetry() = 0;
  virtual void OnAttemptDone(const deletion::AttemptResult& result) = 0;
  // A probe of a scope with this API key has ended, or was given up, or was not needed: the code of
  // a 404 has named the scope as missing.
  virtual void OnScopeProbed(const authz::UpstreamKey& api_key,
                             const deletion::ProbeClassification& result) = 0;
  // Once for each call that was started, at its end. `record` is valid during this call only.
  virtual void OnCallCompleted(const observability::CallRecord& record,
                               std::chrono::system_clock::time_point now) = 0;

 protected:
  ~CallObserver() = default;
};

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_CALL_OBSERVER_H_
