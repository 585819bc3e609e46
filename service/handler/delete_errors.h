// SPDX-License-Identifier: Apache-2.0
//
// File: delete_errors.h
//
// Maps the result of a deletion, or a rejection, to the error that the caller receives. Pure
// functions.
#ifndef EVALRUN_SERVICE_HANDLER_DELETE_ERRORS_H_
#define EVALRUN_SERVICE_HANDLER_DELETE_ERRORS_H_

#include <chrono>
#include <string>
#include <string_view>

#include "rest_backend/deletion/admission_controller.h"
#include "rest_backend/deletion/deletion.h"
#include "rest_backend/deletion/error_body.h"
#include "service/handler/error_details.h"
#include "service/ratelimit/rule_set.h"

namespace evalrun::handler {

// The upstream's last response, sanitized (upstream_text.h).
struct UpstreamResponse {
  // Whether this response ended the call. False when a later attempt had no response, or when there
  // was no later attempt because the caller's deadline came first.
  bool is_final = false;
  int http_status = 0;  // 0: there was no response
  // Of a proxy that rejected the CONNECT of the last attempt; 0: none did.
  int proxy_status = 0;
  deletion::ErrorBody body;
  std::string header_request_id;  // its `x-request-id`
};

// The parts of the request that an error repeats.
struct RequestedRun {
  std::string_view eval_run_uuid;
  std::string_view workspace_uuid;  // as sent; empty: unset
};

// The error of a response that is not OK. Message, reason and domain are the API's where it sent an
// error object; otherwise the gateway's, which never contain the upstream's address. An error about
// the scope is always the gateway's: the API's message is about a run, which may exist.
// `request_id` is the call's.
[[nodiscard]] CallError MakeCallError(const deletion::Deletion::Response& response,
                                      const UpstreamResponse& upstream, std::string_view request_id,
                                      const RequestedRun& requested);

// The error of a call that admission rejected. `attempted_before`: the caller's own earlier
// attempts may have deleted the run.
[[nodiscard]] CallError MakeAdmissionError(
    const deletion::AdmissionController::Rejection& rejection, bool attempted_before,
    std::string_view request_id);

// A call that a rate limit denied.
struct RateLimitRejection {
  const ratelimit::LimitRule& rule;
  const ratelimit::Quota& quota;   // the rule's, or an override's
  std::string_view subject;        // as the rule counts
  std::chrono::milliseconds wait;  // until the limit has capacity, if no other call takes it
};

[[nodiscard]] CallError MakeRateLimitError(const RateLimitRejection& limited, bool attempted_before,
                                           std::string_view request_id);

// The reason of calls that are rejected, and not retried, while LiveConfig::deletions_enabled is
// false.
inline constexpr std::string_view kDeletionsStoppedReason = "DELETIONS_STOPPED";

// The error of a call that arrives while deletions are stopped. FAILED_PRECONDITION, because
// calling again does not help before an operator has changed the setting; UNAVAILABLE would be
// retried by clients and proxies. `attempted_before` as above.
[[nodiscard]] CallError MakeDeletionsStoppedError(bool attempted_before,
                                                  std::string_view request_id);

// The reason of calls for a run that is in LiveConfig::protected_runs.
inline constexpr std::string_view kRunProtectedReason = "RUN_PROTECTED";

// The error of a call for a protected run. `attempted_before` as above: the run may have been
// deleted before it was protected.
[[nodiscard]] CallError MakeRunProtectedError(bool attempted_before, std::string_view request_id);

// The error of a call whose intent cannot be written to the audit (intent_log.h). UNAVAILABLE, but
// without a time after which to call again: nobody knows when the disk has space again.
[[nodiscard]] CallError MakeAuditUnavailableError(bool attempted_before,
                                                  std::string_view request_id);

// The error of a call that the policy denies. It names the caller's own identity as the gateway
// sees it (authz/caller.h), so that it can be compared with the policy, and reveals nothing about
// which runs exist. `attempted_before` as above: the policy may have been another one then.
[[nodiscard]] CallError MakePermissionDeniedError(std::string_view caller, bool attempted_before,
                                                  std::string_view request_id);

// The error of a malformed request, for which nothing was sent: `field` (empty: the message as a
// whole) must be `expectation`.
[[nodiscard]] CallError MakeInvalidFieldError(std::string_view field, std::string_view expectation,
                                              std::string_view request_id);

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_DELETE_ERRORS_H_
