// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/deletion/deletion.h"

#include <algorithm>

namespace evalrun::deletion {
namespace {

using absl::StatusCode;
using std::chrono::milliseconds;

bool MayHaveDeleted(Effect effect) {
  return effect == Effect::kDeleted || effect == Effect::kUnknown;
}

// "Full jitter": uniform between zero and a bound that doubles with each attempt.
milliseconds Backoff(const RetryPolicy& policy, int attempts, double random) {
  milliseconds bound = policy.initial_backoff;
  for (int i = 1; i < attempts && bound < policy.max_backoff; ++i) bound *= 2;
  bound = std::min(bound, policy.max_backoff);
  return milliseconds(static_cast<milliseconds::rep>(static_cast<double>(bound.count()) * random));
}

bool Allows(const RetryPolicy& policy, Retry retry, const RetryHint& hint) {
  switch (retry) {
    case Retry::kNever:
      return false;
    case Retry::kSafe:
      return true;
    case Retry::kOn500:
      return policy.retry_500;
    case Retry::kOnConflict:
      return policy.retry_conflict;
    case Retry::kAfterDelay:
      return hint.retry_after.has_value();
  }
  return false;
}

}  // namespace

std::string_view CertaintyName(Certainty certainty) {
  switch (certainty) {
    case Certainty::kPerformed:
      return "performed";
    case Certainty::kPresumed:
      return "presumed";
    case Certainty::kAbsent:
      return "absent";
    case Certainty::kNotPerformed:
      return "not_performed";
    case Certainty::kUnknown:
      break;
  }
  return "unknown";
}

std::string_view RetryStopName(RetryStop stop) {
  switch (stop) {
    case RetryStop::kAttempts:
      return "attempts";
    case RetryStop::kDeadline:
      return "deadline";
    case RetryStop::kBudget:
      return "budget";
    case RetryStop::kHoldBack:
      return "hold_back";
    case RetryStop::kRateLimit:
      return "rate_limit";
    case RetryStop::kNone:
      break;
  }
  return {};
}

Deletion::Step Deletion::OnAttemptFinished(const AttemptClassification& outcome,
                                           const RetryHint& hint, milliseconds time_left,
                                           double random, RetryBudget* budget) {
  if (attempts_ > 0 && MayHaveDeleted(last_.effect)) earlier_may_have_deleted_ = true;
  ++attempts_;
  last_ = outcome;
  retry_after_.reset();
  retry_after_is_explicit_ = false;

  // These are final, whatever `x-should-retry` and `Retry-After` say: the API has settled the
  // question, or the headers of a 404 do not come from the API.
  if (outcome.effect == Effect::kDeleted || outcome.reason == kUnrecognized404Reason) return {};
  if (outcome.effect == Effect::kAbsent) {
    const bool is_evidence = !request_.verify_scope && outcome.scope == ScopeStatus::kUnverifiable;
    scope_ = is_evidence ? ScopeStatus::kProven : outcome.scope;
    return {.needs_scope_proof = scope_ == ScopeStatus::kUnverifiable};
  }

  const bool worth_it = hint.should_retry.has_value()
                            ? *hint.should_retry && outcome.code != StatusCode::kOk
                            : Allows(policy_, outcome.retry, hint);
  if (!worth_it) {
    if (outcome.retry == Retry::kNever) return {};
    if (hint.retry_after.has_value()) {
      retry_after_ = hint.retry_after;
      retry_after_is_explicit_ = hint.should_retry.value_or(true);
    } else if (outcome.retry == Retry::kAfterDelay) {
      // Callers should wait after a 429 that named no time, too.
      retry_after_ = policy_.max_backoff;
    }
    return {};
  }
  // The upstream's time is a minimum; the jitter on top keeps callers from returning all at once.
  const milliseconds wait =
      hint.retry_after.value_or(milliseconds(0)) + Backoff(policy_, attempts_, random);
  if (attempts_ >= policy_.max_attempts) {
    retry_stop_ = RetryStop::kAttempts;
  } else if (wait + kMinAttemptTime > time_left) {
    retry_stop_ = RetryStop::kDeadline;
  } else if (budget != nullptr && !hint.stale_connection && !budget->TryWithdraw()) {
    retry_stop_ = RetryStop::kBudget;
  } else {
    return {.will_retry = true, .wait = wait};
  }
  retry_after_ = hint.retry_after.value_or(policy_.max_backoff);
  retry_after_is_explicit_ = hint.retry_after.has_value();
  return {};
}

Deletion::Step Deletion::OnRetryAfterGateClosed(milliseconds held, milliseconds time_left,
                                                double random) {
  const milliseconds wait = held + Backoff(policy_, attempts_, random);
  if (wait + kMinAttemptTime <= time_left) return {.will_retry = true, .wait = wait};
  retry_stop_ = RetryStop::kHoldBack;
  retry_after_ = held;
  retry_after_is_explicit_ = true;
  return {};
}

void Deletion::StopForRateLimit(milliseconds wait) {
  retry_stop_ = RetryStop::kRateLimit;
  retry_after_ = wait;
  retry_after_is_explicit_ = true;
}

void Deletion::OnScopeChecked(ScopeStatus status) { scope_ = status; }

Deletion::Response Deletion::response() const {
  Response response{.code = last_.code,
                    .certainty = Certainty::kNotPerformed,
                    .reason = last_.reason,
                    .is_scope_error = false,
                    .attempts = attempts_,
                    .retry_after = retry_after_,
                    .retry_after_is_explicit = retry_after_is_explicit_,
                    .retry_stop = retry_stop_};
  const bool may_be_deleted = earlier_may_have_deleted_ || request_.attempted_before;
  switch (last_.effect) {
    case Effect::kDeleted:
      response.certainty = Certainty::kPerformed;
      response.reason = {};
      break;
    case Effect::kAbsent:
      ResolveAbsence(may_be_deleted, response);
      break;
    case Effect::kNothing:
      if (may_be_deleted) response.certainty = Certainty::kUnknown;
      break;
    case Effect::kUnknown:
      response.certainty = Certainty::kUnknown;
      break;
  }
  return response;
}

void Deletion::ResolveAbsence(bool may_be_deleted, Response& response) const {
  if (scope_ == ScopeStatus::kProven) {
    response.certainty = may_be_deleted ? Certainty::kPresumed : Certainty::kAbsent;
    if (may_be_deleted || request_.allow_missing) {
      response.code = StatusCode::kOk;
      response.reason = {};
    }
    return;
  }
  // Never OK or NOT_FOUND: the run may exist.
  const bool is_missing = scope_ == ScopeStatus::kMissing;
  response.code = is_missing ? StatusCode::kFailedPrecondition : StatusCode::kUnavailable;
  response.reason = is_missing ? kScopeNotFoundReason : kAbsenceUnverifiedReason;
  response.is_scope_error = true;
  response.certainty = may_be_deleted ? Certainty::kUnknown : Certainty::kNotPerformed;
}

Deletion::Response Deletion::Abandon(StatusCode code, std::string_view reason,
                                     bool in_flight) const {
  const bool maybe = in_flight || earlier_may_have_deleted_ || request_.attempted_before ||
                     (attempts_ > 0 && MayHaveDeleted(last_.effect));
  return {.code = code,
          .certainty = maybe ? Certainty::kUnknown : Certainty::kNotPerformed,
          .reason = reason,
          .attempts = attempts_ + (in_flight ? 1 : 0),
          .retry_after = std::nullopt,
          .retry_after_is_explicit = false,
          .retry_stop = RetryStop::kNone};
}

}  // namespace evalrun::deletion
