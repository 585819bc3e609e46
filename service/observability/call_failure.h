// SPDX-License-Identifier: Apache-2.0
//
// File: call_failure.h
//
// Which calls count as failed: the one definition that the metric gateway_failed_calls_total, and
// by it the availability objective, the alerts, the dashboard and the page have.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_CALL_FAILURE_H_
#define EVALRUN_SERVICE_OBSERVABILITY_CALL_FAILURE_H_

#include <absl/status/status.h>

#include "service/observability/call_record.h"

namespace evalrun::observability {

// Whether a call with this code can be a failure.
[[nodiscard]] bool CanBeFailure(absl::StatusCode code);

// Whether the caller got something that the caller of a working service would not get: the upstream
// failed, refused our API key or forbade it to delete, something other than the API answered 404,
// or the call was rejected to protect the upstream. Not so when a rule of `limits` or the policy
// rejected the call, when the operators have stopped deletions, and when the response says
// something about the run or the request, such as NOT_FOUND, INVALID_ARGUMENT or ABORTED.
[[nodiscard]] bool IsFailure(const CallRecord& record);

// Whether the API, and not the policy of this gateway, denied permission: our API key may not
// delete.
[[nodiscard]] bool IsForbiddenByUpstream(const CallRecord& record);

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_CALL_FAILURE_H_
