// SPDX-License-Identifier: Apache-2.0
//
// File: attempt_result.h
//
// The result of one attempt (one HTTP request, sent or failed before it was sent), as plain values.
// An HTTP response of any status is a successful exchange; only its absence is a fault. What either
// means is decided in attempt_classification.h, for a DELETE, and scope_proof.h, for a probe.
#ifndef EVALRUN_REST_BACKEND_DELETION_ATTEMPT_RESULT_H_
#define EVALRUN_REST_BACKEND_DELETION_ATTEMPT_RESULT_H_

#include <chrono>
#include <string>
#include <string_view>

#include "rest_backend/deletion/error_body.h"

namespace evalrun::deletion {

// Why there is no HTTP response (attempt_classification.h, IsResponse()).
enum class Fault {
  kNone,            // there is one
  kResolve,         // the upstream's name could not be resolved
  kConnect,         // connection refused, unreachable, or not made in time
  kProxyRefused,    // the proxy responded to CONNECT with another status than 2xx
  kTls,             // the TLS handshake or the verification of the certificate failed
  kTimeout,         // the time for this attempt ran out
  kConnectionLost,  // the connection ended before a response
  kProtocol,        // the bytes received are not HTTP
  kTooLarge,        // the response header exceeds the size limit
  kInternal,        // this process failed (out of memory, a libcurl error of no other kind)
};

// Durations from the start of an attempt. Zero where it does not apply.
struct AttemptTiming {
  std::chrono::microseconds connect{0};     // until the connection could be used (0: reused)
  std::chrono::microseconds first_byte{0};  // until the response's first byte
  std::chrono::microseconds total{0};
};

struct AttemptResult {
  Fault fault = Fault::kNone;
  // False only when certainly no byte of the request was sent.
  bool may_have_been_sent = false;
  // The status of the response when `fault` is kNone. It may be outside 100-599.
  int http_status = 0;
  // The status of the proxy's response when `fault` is kProxyRefused.
  int proxy_status = 0;
  // For operators: what libcurl or the system says of `fault`, and the address that was connected
  // to last, as host:port. Without a number that changes from attempt to attempt, and without
  // secrets; may repeat text of the upstream's certificate. Empty where there is nothing to say.
  std::string_view fault_text;
  std::string_view fault_address;
  BodyBytes body;
  std::string_view date;                 // header values, empty when absent
  std::string_view retry_after;          //
  std::string_view retry_after_ms;       //
  std::string_view should_retry;         // `x-should-retry`
  std::string_view upstream_request_id;  // `x-request-id`
  AttemptTiming timing;
  bool connection_reused = false;
  // libcurl's own retransmission of the same request was prevented (counts as kConnectionLost).
  bool duplicate_suppressed = false;
};

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_ATTEMPT_RESULT_H_
