// SPDX-License-Identifier: Apache-2.0
//
// File: call_record.h
//
// Everything that the access log, the audit log and the metrics report about a finished call.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_CALL_RECORD_H_
#define EVALRUN_SERVICE_OBSERVABILITY_CALL_RECORD_H_

#include <chrono>
#include <cstddef>
#include <string_view>

#include <absl/status/status.h>

#include "rest_backend/deletion/attempt_classification.h"
#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/deletion/deletion.h"
#include "service/authz/policy.h"

namespace evalrun::observability {

// Views refer to the call and are valid while it is being reported. Text from callers or from the
// upstream is not sanitized: code that writes it must escape it.
struct CallRecord {
  std::string_view request_id = {};
  std::string_view trace_id = {};        // of a well-formed `traceparent`, else empty
  std::string_view peer = {};            // as gRPC names it, such as `ipv4:127.0.0.1:40000`
  std::string_view caller = {};          // the caller's identity (authz/caller.h)
  std::string_view eval_run_uuid = {};   // truncated to kMaxLoggedIdLength
  std::string_view workspace_uuid = {};  // canonical and truncated likewise; empty when unset
  std::string_view upstream_key = {};    // the key's name; empty if none was selected
  authz::AccessDecision authorization = authz::AccessDecision::kNone;
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string_view reason = {};  // of ErrorInfo; empty with OK
  deletion::Certainty certainty = deletion::Certainty::kNotPerformed;
  int attempts = 0;
  deletion::RetryStop retry_stop = deletion::RetryStop::kNone;
  std::string_view limited_by = {};           // the rule that rejected the call; empty: none
  std::string_view would_be_limited_by = {};  // rules in shadow mode that would have
  bool run_protected = false;                 // the call was rejected for it
  bool audit_unavailable = false;             // likewise
  int suppressed_duplicates = 0;
  int http_status = 0;   // of the last response; 0: none
  int proxy_status = 0;  // with which a proxy refused the last attempt; 0: none did
  std::string_view upstream_code = {};
  std::string_view upstream_request_id = {};
  std::size_t request_bytes = 0;   // size of the message
  std::size_t response_bytes = 0;  // size of the last response's body, as far as it was read
  std::chrono::microseconds duration{0};
  deletion::AttemptTiming last_attempt_timing = {};
  bool connection_reused = false;
};

// Whether the call ended with a 404 that is not the API's own: most likely the gateway's base path
// is wrong, or a proxy in between does not reach the API.
[[nodiscard]] inline bool IsUnrecognized404(const CallRecord& record) {
  return record.reason == deletion::kUnrecognized404Reason;
}

inline constexpr std::size_t kMaxLoggedIdLength = 200;

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_CALL_RECORD_H_
