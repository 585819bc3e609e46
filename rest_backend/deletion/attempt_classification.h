// File: attempt_classification.h
//
// The two tables of the translation: what each HTTP status, and each way of getting none, means as
// a gRPC code, and what it makes certain about the run. The status line decides the code; the body
// can only make the meaning more cautious, never turn a failure into OK.
#ifndef EVALRUN_REST_BACKEND_DELETION_ATTEMPT_CLASSIFICATION_H_
#define EVALRUN_REST_BACKEND_DELETION_ATTEMPT_CLASSIFICATION_H_

#include <string_view>

#include <absl/status/status.h>

#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/deletion/error_body.h"

namespace evalrun::deletion {

// What one send makes certain about the run.
enum class Effect {
  kDeleted,  // this send deleted it
  kAbsent,   // it was not there: the API said so
  kNothing,  // this send did not delete it, and says nothing about whether it is there
  kUnknown,  // this send may have deleted it
};

// Whether sending again may help.
enum class Retry {
  kNever,
  kSafe,        // connect failures, lost connections, timeouts, 408, 425, 502, 503, 504, ...
  kOn500,       // 500 and other 5xx: when the configuration says so
  kOnConflict,  // 409: when the configuration says so
  kAfterDelay,  // 429: only when the answer says how long to wait
};

struct AttemptClassification {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  Effect effect = Effect::kUnknown;
  Retry retry = Retry::kNever;
  // UPPER_SNAKE_CASE, our own word for it. The API's `error.code`, where there is one, is the
  // better reason.
  std::string_view reason;

  bool operator==(const AttemptClassification&) const = default;
};

// The reason of a 404 that does not say that the API said so.
inline constexpr std::string_view kUnrecognized404Reason = "UPSTREAM_UNRECOGNIZED_404";

// The HTTP table. `http_status` may be any number; what is outside 200-599 is a protocol error.
[[nodiscard]] AttemptClassification ClassifyStatus(int http_status, BodyKind body);

// The table of faults; `fault` is not kNone.
[[nodiscard]] AttemptClassification ClassifyFault(Fault fault, bool may_have_been_sent);

// One or the other: `body` is what the body of the answer, where there is one, turned out to be.
[[nodiscard]] AttemptClassification ClassifyAttempt(const AttemptResult& result, BodyKind body);

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_ATTEMPT_CLASSIFICATION_H_
