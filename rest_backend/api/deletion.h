// File: deletion.h
//
// One deletion, over all its sends: what is certain about the run, whether to send again, and the
// one answer that follows. A pure state machine: no clock, no randomness, no socket of its own.
//
//   Deletion deletion(policy, request);
//   for (;;) {
//     ... send ...
//     const Deletion::Step step = deletion.AfterSend(OutcomeOf(result), hints);
//     if (!step.send_again) return deletion.answer();
//     ... wait for step.wait ...
//   }
#ifndef EVALRUN_REST_BACKEND_API_DELETION_H_
#define EVALRUN_REST_BACKEND_API_DELETION_H_

#include <chrono>
#include <optional>
#include <string_view>

#include <absl/status/status.h>

#include "rest_backend/api/send_outcome.h"

namespace evalrun::rest {

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

// What the upstream said about sending again.
struct RetryHint {
  std::optional<std::chrono::milliseconds> retry_after;  // retry_after.h
  std::optional<bool> should_retry;                      // `x-should-retry`
};

class Deletion {
 public:
  struct Request {
    bool allow_missing = false;
    // gRPC's `grpc-previous-rpc-attempts`: the caller's own earlier attempts, which may have done
    // it.
    bool attempted_before = false;
  };

  struct Step {
    bool send_again = false;
    std::chrono::milliseconds wait{0};  // before the next send
  };

  struct Answer {
    absl::StatusCode code = absl::StatusCode::kUnknown;
    Certainty certainty = Certainty::kNotPerformed;
    std::string_view reason;  // ours, for an error; empty with OK
    int sends = 0;
    // How long the caller should wait before it calls again, where waiting helps.
    std::optional<std::chrono::milliseconds> retry_after;
  };

  Deletion(const RetryPolicy& policy, Request request) : policy_(policy), request_(request) {}

  // Takes what a send came to. `time_left` is what remains until the answer must be given;
  // `random` is uniform in [0, 1) and spreads the wait (full jitter). A wait that would not leave
  // time is not begun: the step then says not to send again, and the answer carries `retry_after`.
  // `Retry-After` is the least wait, with the jitter on top; `x-should-retry` overrides the policy,
  // but nothing sends again once the run's fate is known, and nothing passes `max_attempts`.
  Step AfterSend(const SendOutcome& outcome, const RetryHint& hint,
                 std::chrono::milliseconds time_left, double random);

  // The answer that follows from the sends so far, of which there was at least one.
  [[nodiscard]] Answer answer() const;

  // The answer when the call ends for a reason of ours rather than because of a send: its deadline
  // passed or its caller cancelled, before any send or between two. `in_flight`: a send has begun
  // and was given up.
  [[nodiscard]] Answer Abandon(absl::StatusCode code, std::string_view reason,
                               bool in_flight) const;

  [[nodiscard]] int sends() const { return sends_; }

 private:
  RetryPolicy policy_;
  Request request_;
  int sends_ = 0;
  bool earlier_may_have_deleted_ = false;  // a send before the last one
  SendOutcome last_;
  std::optional<std::chrono::milliseconds> retry_after_;
};

}  // namespace evalrun::rest

#endif  // EVALRUN_REST_BACKEND_API_DELETION_H_
