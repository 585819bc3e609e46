// SPDX-License-Identifier: Apache-2.0
//
// File: error_details.h
//
// An error as callers see it: a status with google.rpc details (AIP-193), small enough for any gRPC
// client.
#ifndef EVALRUN_SERVICE_HANDLER_ERROR_DETAILS_H_
#define EVALRUN_SERVICE_HANDLER_ERROR_DETAILS_H_

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>

#include "rest_backend/deletion/deletion.h"
#include "rest_backend/deletion/error_body.h"

namespace evalrun::handler {

// The source of the error: `ErrorInfo.domain`.
inline constexpr std::string_view kUpstreamDomain = "api.aymara.ai";
inline constexpr std::string_view kGatewayDomain = "evalrun-gateway";

// gRPC clients reject headers of 8 KiB and more, and the message is sent twice: percent-encoded,
// and in base64 inside the details. Both together stay below this, after encoding.
inline constexpr std::size_t kMaxEncodedBytes = 4096;

// All text is valid UTF-8 and free of secrets.
struct CallError {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  std::string message;
  std::string reason;  // UPPER_SNAKE_CASE
  std::string_view domain = kGatewayDomain;
  deletion::Certainty certainty = deletion::Certainty::kNotPerformed;
  int attempts = 0;
  int http_status = 0;   // 0: left out
  int proxy_status = 0;  // 0: left out
  std::string upstream_code;
  std::string upstream_request_id;
  std::string request_id;
  std::string eval_run_uuid;
  // The workspace as sent (empty: the API key's own), where it or the organization is missing.
  std::optional<std::string> missing_workspace = std::nullopt;
  std::optional<std::chrono::milliseconds> retry_after;
  // Whether `retry_after` was named by the upstream or computed by a rate limit, not estimated.
  bool retry_after_is_explicit = false;
  deletion::RetryStop retry_stop = deletion::RetryStop::kNone;
  std::vector<deletion::FieldError> field_errors;
  std::string upstream_details;  // a JSON object; empty: none (ErrorBody::details)
  // Of a call that the policy denied: its own identity as the gateway sees it. Empty otherwise.
  std::string caller;
  // Of a call that a rate limit denied: the rule, the subject that it counts for
  // (`caller:spiffe://...`), and what it allows. Empty otherwise.
  std::string limited_by;
  std::string limited_subject;
  std::string limit;
};

// `resource.not_found` becomes RESOURCE_NOT_FOUND. Empty when the result would not be a well-formed
// reason (AIP-193).
[[nodiscard]] std::string ToReason(std::string_view upstream_code);

// The parts of the status besides its code.
struct EncodedError {
  std::string message;  // of the status: `grpc-message`
  std::string details;  // a serialized google.rpc.Status: `grpc-status-details-bin`
};

// The details have ErrorInfo and RequestInfo always, RetryInfo, QuotaFailure, BadRequest and
// ResourceInfo where they apply. Long texts are cut on a UTF-8 boundary until everything fits. The
// upstream's details are a google.protobuf.Struct, which is left out where it does not fit as well.
[[nodiscard]] EncodedError EncodeError(const CallError& call_error);

// The value of `grpc-retry-pushback-ms` (gRFC A6): after how many milliseconds a gRPC client may
// retry by itself, if its service config allows retries; negative: it must not. It may where a wait
// was requested, the gateway made no retry (or the client's attempts would multiply ours) and none
// was prevented by the budget, and the wait ends before the caller's deadline, which is
// `until_deadline` away: a client that waited past it would lose this response.
[[nodiscard]] std::string RetryPushback(const CallError& call_error,
                                        std::chrono::microseconds until_deadline);

// Whether the error carries `x-envoy-ratelimited`, the only thing that keeps Envoy from retrying
// it: Envoy knows neither the pushback nor what is certain about the run, and does not wait. True
// where gRPC clients may not retry by themselves (`pushback` is RetryPushback()'s), and where the
// run may be deleted: a retry by a proxy that does not count its attempts would find no run, and
// respond that there was none.
[[nodiscard]] bool ForbidsProxyRetry(const CallError& call_error, std::string_view pushback);

// How many bytes the error takes as `grpc-message` and `grpc-status-details-bin`.
[[nodiscard]] std::size_t EncodedBytes(const EncodedError& error);

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_ERROR_DETAILS_H_
