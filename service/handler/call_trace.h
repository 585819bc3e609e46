// SPDX-License-Identifier: Apache-2.0
//
// File: call_trace.h
//
// What the handler reports about the calls that are traced. Knows no format of traces.
#ifndef EVALRUN_SERVICE_HANDLER_CALL_TRACE_H_
#define EVALRUN_SERVICE_HANDLER_CALL_TRACE_H_

#include <chrono>
#include <memory>
#include <string_view>

#include <absl/status/status.h>

#include "rest_backend/deletion/attempt_classification.h"
#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/deletion/scope_status.h"
#include "service/handler/incoming_call.h"
#include "service/observability/call_record.h"

namespace evalrun::handler {

// One call that is traced, from its arrival to its end, when it is destroyed. Called on the thread
// of the calls. Texts and records are valid during each function only.
class CallTrace {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  virtual ~CallTrace() = default;

  // The call's place in its trace, as a W3C `traceparent`. Valid as long as this object.
  [[nodiscard]] virtual std::string_view traceparent() const = 0;

  // A limit has rejected the call.
  virtual void OnRateLimited(TimePoint now, std::string_view rule) = 0;
  // Limits in shadow mode would have; their names are separated by commas.
  virtual void OnShadowLimited(TimePoint now, std::string_view rules) = 0;
  // The limit by API key allows the retry that is due only after `wait`.
  virtual void OnRetryRateLimited(TimePoint now, std::chrono::milliseconds wait) = 0;
  // The call is rejected because too many are in flight.
  virtual void OnInFlightCap(TimePoint now) = 0;
  // A 429 delays all calls with this call's API key for another `wait`.
  virtual void OnHeldBack(TimePoint now, std::chrono::milliseconds wait) = 0;
  // The call waits before it retries.
  virtual void OnBackoff(TimePoint now, std::chrono::milliseconds wait) = 0;
  // The call waits for a probe of its scope.
  virtual void OnScopeProbeAwaited(TimePoint now) = 0;
  // What is known about the scope of a 404. `probed`: the call has waited for a probe.
  virtual void OnScopeChecked(TimePoint now, deletion::ScopeStatus status, bool probed) = 0;

  // An attempt begins; `retries` were made before it. Returns the `traceparent` that it carries,
  // which is valid until the next attempt begins.
  virtual std::string_view OnAttemptStarted(TimePoint now, std::string_view target,
                                            int retries) = 0;
  // It has ended by itself.
  virtual void OnAttemptDone(TimePoint now, const deletion::AttemptResult& result,
                             const deletion::AttemptClassification& classification) = 0;
  // It was aborted, because the call ends with this code and reason.
  virtual void OnAttemptAborted(TimePoint now, absl::StatusCode code, std::string_view reason,
                                bool may_have_been_sent) = 0;

  virtual void OnCallCompleted(TimePoint now, const observability::CallRecord& record) = 0;
};

class CallTracer {
 public:
  struct Arrival {
    const Metadata& metadata;
    std::string_view traceparent;  // the caller's; empty: none, or a malformed one
    std::chrono::steady_clock::time_point steady_time;
    std::chrono::system_clock::time_point system_time;
  };

  // Null: this call is not traced.
  virtual std::unique_ptr<CallTrace> Start(const Arrival& arrival) = 0;

 protected:
  ~CallTracer() = default;
};

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_CALL_TRACE_H_
