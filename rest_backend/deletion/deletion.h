// SPDX-License-Identifier: Apache-2.0
//
// File: deletion.h
//
// One deletion, over all its attempts: what is certain about the run, whether to retry, and the one
// response that follows. A pure state machine: no clock, no randomness, no socket of its own.
//
//   Deletion deletion(policy, request);
//   for (;;) {
//     ... make an attempt ...
//     const Deletion::Step step =
//         deletion.OnAttemptFinished(outcome, hint, time_left, random, &budget);
//     if (step.needs_scope_proof) deletion.OnScopeChecked(... ask a ScopeTable, probe ...);
//     if (!step.will_retry) return deletion.response();
//     ... wait for step.wait ...
//   }
#ifndef EVALRUN_REST_BACKEND_DELETION_DELETION_H_
#define EVALRUN_REST_BACKEND_DELETION_DELETION_H_

#include <chrono>
#include <optional>
#include <string_view>

#include <absl/status/status.h>

#include "rest_backend/deletion/attempt_classification.h"
#include "rest_backend/deletion/retry_budget.h"
#include "rest_backend/deletion/scope_status.h"

namespace evalrun::deletion {

// What is certain about the run, as the error details, the trailing metadata, the log, the metrics
// and the command line name it. "Absent" is always meant of the workspace that the request names:
// the run may exist in another one.
enum class Certainty {
  kPerformed,     // an attempt was answered with success
  kPresumed,      // absent; an earlier attempt, this call's or the caller's, may have deleted it
  kAbsent,        // absent, and no earlier attempt can have deleted it
  kNotPerformed,  // every attempt certainly deleted nothing
  kUnknown,       // an attempt may have deleted it, and no later one settled the question
};
inline constexpr int kCertaintyCount = 5;

// `performed`, `presumed`, `absent`, `not_performed`, `unknown`.
[[nodiscard]] std::string_view CertaintyName(Certainty certainty);

// The reasons of a 404 of the API that is no evidence of absence.
inline constexpr std::string_view kScopeNotFoundReason = "SCOPE_NOT_FOUND";
inline constexpr std::string_view kAbsenceUnverifiedReason = "ABSENCE_UNVERIFIED";

// How retries are made. All durations are non-negative.
struct RetryPolicy {
  int max_attempts = 3;  // the first one included
  bool retry_500 = true;
  bool retry_conflict = false;
  std::chrono::milliseconds initial_backoff{100};
  std::chrono::milliseconds max_backoff{2000};
};

// What affects a retry, besides the classification of the attempt.
struct RetryHint {
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;  // retry_after.h
  std::optional<bool> should_retry = std::nullopt;                      // `x-should-retry`
  // A pooled connection was lost during the attempt, as happens when an upstream restarts. The next
  // attempt opens a new connection, so this happens once per connection and costs no budget.
  bool stale_connection = false;
};

// Why an attempt that could have been retried was the last.
enum class RetryStop { kNone, kAttempts, kDeadline, kBudget, kHoldBack, kRateLimit };
inline constexpr int kRetryStopCount = 6;

// `attempts`, `deadline`, `budget`, `hold_back`, `rate_limit`; empty for kNone.
[[nodiscard]] std::string_view RetryStopName(RetryStop stop);

// An attempt with less time than this is not begun: it would most likely be aborted under way, and
// what is certainly `not_performed` would become `unknown`. Chosen, not measured: few requests over
// the internet take less.
inline constexpr std::chrono::milliseconds kMinAttemptTime{20};

class Deletion {
 public:
  struct Request {
    bool allow_missing = false;
    // The caller, or a proxy on its behalf, has made attempts before
    // (`grpc-previous-rpc-attempts`), which may have deleted the run.
    bool attempted_before = false;
    // Whether a 404 of the API needs proof of its scope. False: it is evidence by itself, unless
    // its code names the scope as missing.
    bool verify_scope = false;
  };

  // What to do next. At most one of the two is true; with neither, the response is final.
  struct Step {
    bool will_retry = false;
    bool needs_scope_proof = false;     // find out about the scope, then call OnScopeChecked()
    std::chrono::milliseconds wait{0};  // before the retry
  };

  struct Response {
    absl::StatusCode code = absl::StatusCode::kUnknown;
    Certainty certainty = Certainty::kNotPerformed;
    std::string_view reason;  // this service's, for an error; empty with OK
    // Whether the reason is about the scope. The API's `error.code` and message, which are about a
    // run that may exist, must then not replace this service's.
    bool is_scope_error = false;
    int attempts = 0;  // that were made
    // How long the caller should wait before it calls again, where waiting helps.
    std::optional<std::chrono::milliseconds> retry_after;
    // Whether that time was asked for, rather than guessed: a client may then retry automatically.
    // Otherwise it should not, because this service has already made all sensible attempts.
    bool retry_after_is_explicit = false;
    RetryStop retry_stop = RetryStop::kNone;
  };

  Deletion(const RetryPolicy& policy, Request request) : policy_(policy), request_(request) {}

  // An attempt has ended. `time_left` is the time until the response is due; `random` is uniform in
  // [0, 1) and spreads the wait (full jitter). A wait that would leave less than kMinAttemptTime
  // is not begun: the response then carries `retry_after`. `Retry-After` is the minimum wait, with
  // the jitter on top. `x-should-retry` overrides the policy, except after a success and after any
  // 404 or 410. Nothing overrides `max_attempts` or the budget, of which a retry takes one (null:
  // there is no budget).
  Step OnAttemptFinished(const AttemptClassification& outcome, const RetryHint& hint,
                         std::chrono::milliseconds time_left, double random,
                         RetryBudget* budget = nullptr);

  // The scope of the 404 that the last step was about. Until this is called, the response says that
  // the scope is unverifiable.
  void OnScopeChecked(ScopeStatus status);

  // The retry is due, but the hold-back of its API key (retry_after_gate.h), which another call's
  // 429 began, lasts for another `held`. Wait once more, or respond.
  Step OnRetryAfterGateClosed(std::chrono::milliseconds held, std::chrono::milliseconds time_left,
                              double random);

  // The retry is due, but a rate limit allows it only after `wait`: it is not made.
  void StopForRateLimit(std::chrono::milliseconds wait);

  // The response that follows from the attempts so far, of which there was at least one.
  [[nodiscard]] Response response() const;

  // The response when the call ends because its deadline passed or its caller cancelled: before the
  // first attempt, during one, or while waiting. `in_flight`: an attempt has begun and was aborted.
  [[nodiscard]] Response Abandon(absl::StatusCode code, std::string_view reason,
                                 bool in_flight) const;

  // The attempts that have ended.
  [[nodiscard]] int attempts() const { return attempts_; }

 private:
  // The response to a 404 of the API, given what is known about its scope.
  void ResolveAbsence(bool may_be_deleted, Response& response) const;

  RetryPolicy policy_;
  Request request_;
  int attempts_ = 0;
  bool earlier_may_have_deleted_ = false;  // an attempt before the last one
  AttemptClassification last_;
  ScopeStatus scope_ = ScopeStatus::kUnverifiable;  // matters only when the last was a 404
  std::optional<std::chrono::milliseconds> retry_after_;
  bool retry_after_is_explicit_ = false;
  RetryStop retry_stop_ = RetryStop::kNone;
};

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_DELETION_H_
