// SPDX-License-Identifier: Apache-2.0

#include "service/handler/delete_errors.h"

#include <array>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "rest_backend/deletion/utf8.h"
#include "service/authz/policy.h"

namespace evalrun::handler {
namespace {

constexpr std::string_view kDeletionsStoppedText =
    "the operators of the gateway have stopped all deletions";
constexpr std::string_view kRunProtectedText =
    "the operators of the gateway protect this run from deletion";

struct ReasonText {
  std::string_view reason;
  std::string_view text;
};

// For outcomes without an HTTP response, or whose HTTP response decides nothing, by our reason.
constexpr std::array<ReasonText, 16> kReasonTexts = {{
    {"UPSTREAM_RESOLVE_FAILED", "the name of the upstream could not be resolved"},
    {"UPSTREAM_CONNECT_FAILED", "no connection to the upstream could be made"},
    {deletion::kProxyRefusedReason, "the proxy to the upstream refused the request"},
    {"UPSTREAM_TLS_FAILED", "no secure connection to the upstream could be made"},
    {"UPSTREAM_TIMEOUT", "the upstream did not respond in time"},
    {"UPSTREAM_CONNECTION_LOST", "the connection to the upstream was lost"},
    {"UPSTREAM_PROTOCOL_ERROR", "what the upstream sent is not HTTP"},
    {"DEADLINE_TOO_SHORT", "the deadline left no time to ask the upstream"},
    {"DEADLINE_EXCEEDED", "the deadline passed before the upstream had answered"},
    {"CALL_CANCELLED", "the caller cancelled the call"},
    {"GATEWAY_SHUTTING_DOWN", "the gateway ended before the upstream had answered"},
    {"GATEWAY_INTERNAL_ERROR", "the gateway could not send the request"},
    {kDeletionsStoppedReason, kDeletionsStoppedText},
    {kRunProtectedReason, kRunProtectedText},
    {deletion::kScopeNotFoundReason,
     "the workspace, or the organization of the API key, does not exist: whether the run exists is "
     "not known"},
    {deletion::kAbsenceUnverifiedReason,
     "the upstream found no such run, but it could not be verified that its workspace exists"},
}};

std::string DefaultMessage(std::string_view reason, bool is_upstreams_error,
                           const UpstreamResponse& upstream) {
  if (is_upstreams_error) return absl::StrCat("the upstream answered HTTP ", upstream.http_status);
  for (const ReasonText& reason_text : kReasonTexts) {
    if (reason_text.reason == reason) return std::string(reason_text.text);
  }
  return "the upstream gave no response";
}

// Says the uncertainty in words, too.
void PrefixUnknownOutcome(CallError* call_error) {
  call_error->message = absl::StrCat("the run may or may not be deleted: ", call_error->message);
}

// The gateway's own error of a call for which nothing was sent; but the caller's earlier attempts
// may have deleted the run.
CallError MakeOwnError(absl::StatusCode code, std::string_view reason, std::string message,
                       bool attempted_before, std::string_view request_id) {
  CallError call_error;
  call_error.code = code;
  call_error.reason = std::string(reason);
  call_error.message = std::move(message);
  call_error.request_id = std::string(request_id);
  if (attempted_before) {
    call_error.certainty = deletion::Certainty::kUnknown;
    PrefixUnknownOutcome(&call_error);
  }
  return call_error;
}

CallError MakeRejection(std::string_view reason, std::string message,
                        std::chrono::milliseconds retry_after, bool attempted_before,
                        std::string_view request_id) {
  CallError call_error = MakeOwnError(absl::StatusCode::kResourceExhausted, reason,
                                      std::move(message), attempted_before, request_id);
  call_error.retry_after = retry_after;
  call_error.retry_after_is_explicit = true;
  return call_error;
}

}  // namespace

CallError MakeCallError(const deletion::Deletion::Response& response,
                        const UpstreamResponse& upstream, std::string_view request_id,
                        const RequestedRun& requested) {
  CallError call_error;
  call_error.code = response.code;
  call_error.reason = std::string(response.reason);
  call_error.certainty = response.certainty;
  call_error.attempts = response.attempts;
  call_error.retry_after = response.retry_after;
  call_error.retry_after_is_explicit = response.retry_after_is_explicit;
  call_error.retry_stop = response.retry_stop;
  call_error.request_id = std::string(request_id);
  call_error.eval_run_uuid = std::string(requested.eval_run_uuid);
  if (response.reason == deletion::kScopeNotFoundReason) {
    call_error.missing_workspace = std::string(requested.workspace_uuid);
  }
  call_error.http_status = upstream.http_status;
  call_error.proxy_status = upstream.proxy_status;
  call_error.upstream_request_id =
      upstream.body.request_id.empty() ? upstream.header_request_id : upstream.body.request_id;
  call_error.upstream_code = upstream.body.code;
  const bool is_upstreams_error = upstream.is_final && !response.is_scope_error;
  call_error.message = DefaultMessage(response.reason, is_upstreams_error, upstream);
  if (is_upstreams_error) {
    call_error.field_errors = upstream.body.field_errors;
    call_error.upstream_details = upstream.body.details;
    if (!upstream.body.message.empty()) call_error.message = upstream.body.message;
    // A response of 2xx with the API's error in it contradicts itself: the reason stays ours.
    if (upstream.body.kind == deletion::BodyKind::kApiError && upstream.http_status >= 400) {
      const std::string reason = ToReason(upstream.body.code);
      if (!reason.empty()) call_error.reason = reason;
      call_error.domain = kUpstreamDomain;
    }
  }
  if (call_error.certainty == deletion::Certainty::kUnknown) PrefixUnknownOutcome(&call_error);
  return call_error;
}

CallError MakeAdmissionError(const deletion::AdmissionController::Rejection& rejection,
                             bool attempted_before, std::string_view request_id) {
  return MakeRejection(deletion::RejectErrorReason(rejection.reason),
                       rejection.reason == deletion::RejectReason::kInFlightCap
                           ? "too many calls are under way to the upstream"
                           : "the upstream responded 429 and named a time that is not over",
                       rejection.retry_after, attempted_before, request_id);
}

CallError MakeRateLimitError(const RateLimitRejection& limited, bool attempted_before,
                             std::string_view request_id) {
  const std::string& name = limited.rule.name;
  CallError call_error = MakeRejection(
      "RATE_LIMITED", absl::StrCat("the limit ", name, " has no capacity for this call"),
      limited.wait, attempted_before, request_id);
  call_error.limited_by = name;
  call_error.limited_subject = std::string(ratelimit::LimitedByName(limited.rule.by));
  if (!limited.subject.empty()) call_error.limited_subject.append(":").append(limited.subject);
  call_error.limit = absl::StrCat("the limit ", name, " allows a call every ",
                                  absl::FormatDuration(absl::Nanoseconds(limited.quota.interval)),
                                  ", and up to ", limited.quota.burst, " at once");
  return call_error;
}

CallError MakeDeletionsStoppedError(bool attempted_before, std::string_view request_id) {
  return MakeOwnError(absl::StatusCode::kFailedPrecondition, kDeletionsStoppedReason,
                      std::string(kDeletionsStoppedText), attempted_before, request_id);
}

CallError MakeRunProtectedError(bool attempted_before, std::string_view request_id) {
  return MakeOwnError(absl::StatusCode::kFailedPrecondition, kRunProtectedReason,
                      std::string(kRunProtectedText), attempted_before, request_id);
}

CallError MakeAuditUnavailableError(bool attempted_before, std::string_view request_id) {
  return MakeOwnError(absl::StatusCode::kUnavailable, "AUDIT_UNAVAILABLE",
                      "the gateway cannot write its audit, without which it deletes nothing",
                      attempted_before, request_id);
}

CallError MakePermissionDeniedError(std::string_view caller, bool attempted_before,
                                    std::string_view request_id) {
  // Names in a certificate may be any bytes.
  std::string valid_caller = deletion::ToValidUtf8(caller);
  CallError call_error = MakeOwnError(
      absl::StatusCode::kPermissionDenied, authz::kCallerNotAllowed,
      absl::StrCat("this caller (", valid_caller, ") may not delete in this workspace"),
      attempted_before, request_id);
  call_error.caller = std::move(valid_caller);
  return call_error;
}

CallError MakeInvalidFieldError(std::string_view field, std::string_view expectation,
                                std::string_view request_id) {
  CallError call_error;
  call_error.code = absl::StatusCode::kInvalidArgument;
  call_error.reason = field.empty() ? "MALFORMED_MESSAGE" : "INVALID_FIELD";
  call_error.request_id = std::string(request_id);
  const std::string subject = field.empty() ? "the message" : std::string(field);
  const std::string description = absl::StrCat("must be ", std::string(expectation));
  call_error.message = absl::StrCat(subject, " ", description);
  call_error.field_errors.push_back({std::string(field), description});
  return call_error;
}

}  // namespace evalrun::handler
