// SPDX-License-Identifier: Apache-2.0
//
// File: attempt_classification.h
//
// The two tables of the translation: what each HTTP status, and each fault in place of one, means
// as a gRPC code, and what it makes certain about the run. The status line decides the code; the
// body can only make the meaning more cautious, never turn a failure into OK.
#ifndef EVALRUN_REST_BACKEND_DELETION_ATTEMPT_CLASSIFICATION_H_
#define EVALRUN_REST_BACKEND_DELETION_ATTEMPT_CLASSIFICATION_H_

#include <string_view>

#include <absl/status/status.h>

#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/deletion/error_body.h"
#include "rest_backend/deletion/scope_status.h"

namespace evalrun::deletion {

// What one attempt makes certain about the run.
enum class Effect {
  kDeleted,  // this attempt deleted it
  kAbsent,   // the API found no such run: evidence of absence if the scope exists (scope_status.h)
  kNothing,  // this attempt did not delete it, and says nothing about whether it exists
  kUnknown,  // this attempt may have deleted it
};

// Whether a retry may help.
enum class Retry {
  kNever,
  kSafe,        // connect failures, lost connections, timeouts, 408, 425, 502, 503, 504, ...
  kOn500,       // 500 and other 5xx: if configured
  kOnConflict,  // 409: if configured
  kAfterDelay,  // 429: only when the response says how long to wait
};

struct AttemptClassification {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  Effect effect = Effect::kUnknown;
  Retry retry = Retry::kNever;
  // UPPER_SNAKE_CASE, this service's own. The API's `error.code`, where there is one, is more
  // specific.
  std::string_view reason;
  // With kAbsent: what the API's error code itself says about the scope. kProven: it is the run
  // which is missing. kMissing: it is the workspace or the organization. kUnverifiable: nothing, as
  // most codes do.
  ScopeStatus scope = ScopeStatus::kUnverifiable;

  bool operator==(const AttemptClassification&) const = default;
};

// The reason of a 404 or 410 that did not come from the API.
inline constexpr std::string_view kUnrecognized404Reason = "UPSTREAM_UNRECOGNIZED_404";

// Whether the last status line of an attempt is its response. Otherwise it is as if nothing had
// arrived: an interim status (1xx but 101) announces the response, and a success (2xx) counts only
// if the upstream has finished it in time. `timed_out`: the attempt ended because its time ran out.
[[nodiscard]] bool IsResponse(int http_status, bool timed_out);

// The HTTP table. `http_status` may be any number; a number outside 200-599 is a protocol error.
[[nodiscard]] AttemptClassification ClassifyStatus(int http_status, BodyKind body);

// The reason when a proxy in between has refused the request.
inline constexpr std::string_view kProxyRefusedReason = "UPSTREAM_PROXY_REFUSED";

// The table of faults; `fault` is not kNone. `proxy_status` is the proxy's, with kProxyRefused.
[[nodiscard]] AttemptClassification ClassifyFault(Fault fault, bool may_have_been_sent,
                                                  int proxy_status = 0);

// Classifies an attempt by one of the two. `body` is the parsed body of the response; it is not
// looked at when there is none.
[[nodiscard]] AttemptClassification ClassifyAttempt(const AttemptResult& result,
                                                    const ErrorBody& body);

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_ATTEMPT_CLASSIFICATION_H_
