// SPDX-License-Identifier: Apache-2.0
//
// File: call_state.h
//
// Everything that belongs to one call and to no other.
#ifndef EVALRUN_SERVICE_HANDLER_CALL_STATE_H_
#define EVALRUN_SERVICE_HANDLER_CALL_STATE_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "aymara/evals/v1/eval_run_service.pb.h"
#include "rest_backend/deletion/admission_controller.h"
#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/deletion/deletion.h"
#include "service/authz/key_ring.h"
#include "service/authz/policy.h"
#include "service/handler/call_trace.h"
#include "service/handler/delete_errors.h"

namespace evalrun::handler {

// Strings and messages that keep their memory from call to call.
struct CallBuffers {
  aymara::evals::v1::DeleteEvalRunRequest request;
  std::string peer;       // gRPC's name of it
  std::string caller;     // authz/caller.h
  std::string workspace;  // in canonical form; empty: unset
  std::string request_id;
  std::string traceparent;  // empty: none, or a malformed one; of a trace begun here, the call's
  std::string target;
  std::array<std::string, 3> header_lines;  // that `headers` refers to
  std::string limited_by;                   // the rule that rejected the call
  std::string would_be_limited_by;          // the rules in shadow mode that would have
};

// Empties all of them.
void ClearBuffers(CallBuffers* buffers);

// Everything else.
struct CallValues {
  enum class Phase {
    kIdle,             // there is no call
    kStarting,         // until the first attempt begins
    kAttempting,       // an attempt is under way
    kWaitingForAudit,  // for its line (intent_log.h); the timer is running until the own deadline
    kWaitingForRetry,  // the timer is running
    kWaitingForScope,  // for a probe (scope_verifier.h); the timer is running until the own
                       // deadline
  };
  Phase phase = Phase::kIdle;

  std::chrono::steady_clock::time_point arrived_at;
  std::chrono::system_clock::time_point caller_deadline;
  std::chrono::steady_clock::time_point own_deadline;  // for the response

  bool attempted_before = false;  // the caller, or a proxy of its, retries
  authz::AccessDecision access_decision = authz::AccessDecision::kNone;
  authz::KeyRing::Key api_key;  // null until it is selected
  deletion::AdmissionController::Permit permit;

  // Of every attempt. The first line is the API key's.
  std::array<const char*, 4> headers{};
  std::size_t header_count = 0;
  std::unique_ptr<CallTrace> trace;            // null: the call is not traced
  std::size_t traceparent_header = 0;          // in `headers`: each attempt's own; 0: none
  std::optional<deletion::Deletion> deletion;  // set once the call is admitted
  bool fresh_connection = false;               // for the next attempt

  // For the response and the record.
  std::size_t request_bytes = 0;
  UpstreamResponse upstream_response;
  std::size_t response_bytes = 0;
  deletion::AttemptTiming last_attempt_timing;
  bool connection_reused = false;
  int suppressed_duplicates = 0;
  bool run_protected = false;      // which rejected the call
  bool audit_unavailable = false;  // likewise
};

struct CallState : CallBuffers, CallValues {
  // As if it were new, but for the memory of the buffers. Releases the permit and the API key.
  void Reset() {
    ClearBuffers(this);
    static_cast<CallValues&>(*this) = CallValues{};
  }
};

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_CALL_STATE_H_
