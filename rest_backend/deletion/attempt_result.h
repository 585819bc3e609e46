// File: attempt_result.h
//
// What one send (one DELETE that left, or was to leave, this process) came to, as plain values. An
// HTTP answer of any status is a successful exchange; only the lack of one is a fault. What either
// means is decided in attempt_classification.h.
#ifndef EVALRUN_REST_BACKEND_DELETION_ATTEMPT_RESULT_H_
#define EVALRUN_REST_BACKEND_DELETION_ATTEMPT_RESULT_H_

#include <chrono>
#include <string>
#include <string_view>

#include "rest_backend/deletion/error_body.h"

namespace evalrun::deletion {

// Why there is no HTTP status.
enum class Fault {
  kNone,            // there is one
  kResolve,         // the upstream's name could not be resolved
  kConnect,         // connection refused, unreachable, or not made in time
  kTls,             // the TLS handshake or the verification of the certificate failed
  kTimeout,         // the time for this send ran out
  kConnectionLost,  // the connection ended before an answer
  kProtocol,        // what came back is not HTTP
  kTooLarge,        // more header bytes than we read
  kInternal,  // this process could not do it (out of memory, a libcurl error of no other kind)
};

// Where the time of a send went. Zero where it does not apply.
struct AttemptTiming {
  std::chrono::microseconds connect{0};     // until the connection could be used (0: reused)
  std::chrono::microseconds first_byte{0};  // until the answer's first byte
  std::chrono::microseconds total{0};
};

struct AttemptResult {
  Fault fault = Fault::kNone;
  // False only when certainly not one byte of the request left.
  bool may_have_been_sent = false;
  // The status of the answer when `fault` is kNone. It may be outside 100-599.
  int http_status = 0;
  BodyBytes body;
  std::string_view retry_after;          // header values, empty when absent
  std::string_view retry_after_ms;       //
  std::string_view should_retry;         // `x-should-retry`
  std::string_view upstream_request_id;  // `x-request-id`
  AttemptTiming timing;
  bool connection_reused = false;
  // libcurl's own second send of the same request was stopped (it counts as kConnectionLost).
  bool duplicate_suppressed = false;
};

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_ATTEMPT_RESULT_H_
