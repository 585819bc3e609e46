// SPDX-License-Identifier: Apache-2.0
//
// File: delete_errors.h
//
// From what a deletion came to, to the words that a caller reads. Pure functions.
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

// The upstream's last answer, cleaned (upstream_text.h).
struct UpstreamResponse {
  // Whether it is what ended the call. Not so when a later send had no answer, or there was no
  // later send because the caller's time was up.
  bool is_final = false;
  int http_status = 0;  // 0: there was no answer
  // Of a proxy that refused the last attempt, in answer to CONNECT; 0: none did.
  int proxy_status = 0;
  deletion::ErrorBody body;
  std::string header_request_id;  // its `x-request-id`
};

// What an error repeats of the call's request.
struct RequestedRun {
  std::string_view eval_run_uuid;
  std::string_view workspace_uuid;  // as sent; empty: unset
};

// The report of an answer that is not OK. Where the API itself has spoken, its words and its
// domain; otherwise ours, which never say where the upstream is. An error about the scope is always
// ours: the API's words are about a run, which may exist. `request_id` is the call's.
[[nodiscard]] CallError MakeCallError(const deletion::Deletion::Response& answer,
                                      const UpstreamResponse& upstream, std::string_view request_id,
                                      const RequestedRun& requested);

// The report of a call that was not let in. `attempted_before`: the caller's own earlier attempts
// may have deleted the run all the same.
[[nodiscard]] CallError MakeAdmissionError(const deletion::AdmissionController::Rejection& refused,
                                           bool attempted_before, std::string_view request_id);

// A call that a limit refused.
struct RateLimitRejection {
  const ratelimit::LimitRule& rule;
  const ratelimit::Quota& quota;   // the rule's, or an override's
  std::string_view subject;        // as the rule counts
  std::chrono::milliseconds wait;  // when there will be room, if nobody else takes it
};

[[nodiscard]] CallError MakeRateLimitError(const RateLimitRejection& limited, bool attempted_before,
                                           std::string_view request_id);

// The report of a call that its caller may not make. It says nothing about what exists.
// `attempted_before` as above: the policy may have been another one then.
[[nodiscard]] CallError MakePermissionDeniedError(bool attempted_before,
                                                  std::string_view request_id);

// The report of a request that was refused without a send: `field` (may be empty: the message as a
// whole) must be `expectation`.
[[nodiscard]] CallError MakeInvalidFieldError(std::string_view field, std::string_view expectation,
                                              std::string_view request_id);

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_DELETE_ERRORS_H_
