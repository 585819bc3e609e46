// File: deletion.h
//
// One deletion, over all its sends: what is certain about the run, whether to send again, and the
// one answer that follows. A pure state machine: no clock, no randomness, no socket of its own.
//
//   Deletion deletion(policy, request);
//   for (;;) {
//     ... send ...
//     const Deletion::Step step = deletion.OnAttemptFinished(outcome, hint, time_left, random,
//     &budget); if (!step.will_retry) return deletion.answer();
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

namespace evalrun::deletion {

// The vocabulary of `deletion`, everywhere: details, trailing metadata, log, metrics, command line.
enum class Certainty {
  kPerformed,     // a success answer to our send
  kPresumed,      // gone; an earlier send, ours or the caller's, may have done it
  kAbsent,        // it was not there at our first send
  kNotPerformed,  // every send certainly did nothing
  kUnknown,       // a send may have done it, and nothing later settled it
};
inline constexpr int kCertaintyCount = 5;

// `performed`, `presumed`, `absent`, `not_performed`, `unknown`.
[[nodiscard]] std::string_view CertaintyName(Certainty certainty);

// How retries are made. All durations are non-negative.
struct RetryPolicy {
  int max_attempts = 3;  // sends, the first one included
  bool retry_500 = true;
  bool retry_conflict = false;
  std::chrono::milliseconds initial_backoff{100};
  std::chrono::milliseconds max_backoff{2000};
};

// What speaks for or against sending again, besides the outcome.
struct RetryHint {
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;  // retry_after.h
  std::optional<bool> should_retry = std::nullopt;                      // `x-should-retry`
  // A pooled connection died under the send, as they do when an upstream restarts. The next send
  // makes a new one, so this can happen once per connection and needs no budget.
  bool stale_connection = false;
};

// Why a send that was worth another one was the last.
enum class RetryStop { kNone, kAttempts, kDeadline, kBudget, kHoldBack, kRateLimit };
inline constexpr int kRetryStopCount = 6;

// `attempts`, `deadline`, `budget`, `hold_back`, `rate_limit`; empty for kNone.
[[nodiscard]] std::string_view RetryStopName(RetryStop stop);

class Deletion {
 public:
  struct Request {
    bool allow_missing = false;
    // gRPC's `grpc-previous-rpc-attempts`: the caller's own earlier attempts, which may have done
    // it.
    bool attempted_before = false;
  };

  struct Step {
    bool will_retry = false;
    std::chrono::milliseconds wait{0};  // before the next send
  };

  struct Response {
    absl::StatusCode code = absl::StatusCode::kUnknown;
    Certainty certainty = Certainty::kNotPerformed;
    std::string_view reason;  // ours, for an error; empty with OK
    int sends = 0;
    // How long the caller should wait before it calls again, where waiting helps.
    std::optional<std::chrono::milliseconds> retry_after;
    // Whether that time was asked for, rather than guessed: a client may then retry by itself.
    // Otherwise it should not, for this deletion has already been tried as often as it is worth.
    bool retry_after_is_explicit = false;
    RetryStop retry_stop = RetryStop::kNone;
  };

  Deletion(const RetryPolicy& policy, Request request) : policy_(policy), request_(request) {}

  // Takes what a send came to. `time_left` is what remains until the answer must be given;
  // `random` is uniform in [0, 1) and spreads the wait (full jitter). A wait that would not leave
  // time is not begun: the step then says not to send again, and the answer carries `retry_after`.
  // `Retry-After` is the least wait, with the jitter on top; `x-should-retry` overrides the policy,
  // but nothing sends again once the run's fate is known, and nothing passes `max_attempts` or the
  // budget, of which a send again takes one (null: there is no budget).
  Step OnAttemptFinished(const AttemptClassification& outcome, const RetryHint& hint,
                         std::chrono::milliseconds time_left, double random,
                         RetryBudget* budget = nullptr);

  // The next send is due, but calls are held back for another `held` (retry_after_gate.h), because
  // of what the upstream told another call. Wait once more, or answer.
  Step OnRetryAfterGateClosed(std::chrono::milliseconds held, std::chrono::milliseconds time_left,
                              double random);

  // The next send is due, but a limit has room for it only after `wait`: it is not made.
  void StopForRateLimit(std::chrono::milliseconds wait);

  // The answer that follows from the sends so far, of which there was at least one.
  [[nodiscard]] Response answer() const;

  // The answer when the call ends for a reason of ours rather than because of a send: its deadline
  // passed or its caller cancelled, before any send or between two. `in_flight`: a send has begun
  // and was given up.
  [[nodiscard]] Response Abandon(absl::StatusCode code, std::string_view reason,
                                 bool in_flight) const;

  [[nodiscard]] int sends() const { return sends_; }

 private:
  RetryPolicy policy_;
  Request request_;
  int sends_ = 0;
  bool earlier_may_have_deleted_ = false;  // a send before the last one
  AttemptClassification last_;
  std::optional<std::chrono::milliseconds> retry_after_;
  bool retry_after_is_explicit_ = false;
  RetryStop retry_stop_ = RetryStop::kNone;
};

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_DELETION_H_
