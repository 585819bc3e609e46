// File: deletion_testing.h
//
// What the tests of `Deletion` share: send outcomes by name, and a run over several of them.
#ifndef EVALRUN_TESTS_UNIT_DELETION_DELETION_TESTING_H_
#define EVALRUN_TESTS_UNIT_DELETION_DELETION_TESTING_H_

#include <chrono>
#include <vector>

#include "rest_backend/deletion/deletion.h"
#include "tests/unit/deletion/printers.h"

namespace evalrun::deletion {

inline SendOutcome Http(int status, BodyKind body = BodyKind::kOther) {
  return OutcomeOfStatus(status, body);
}
inline SendOutcome Done() { return Http(204, BodyKind::kEmpty); }
inline SendOutcome Absent() { return Http(404, BodyKind::kApiError); }
inline SendOutcome Strange404() { return Http(404, BodyKind::kOther); }
inline SendOutcome Lost() { return OutcomeOfFault(Fault::kConnectionLost, true); }
inline SendOutcome TimedOut() { return OutcomeOfFault(Fault::kTimeout, true); }
inline SendOutcome Refused() { return OutcomeOfFault(Fault::kConnect, false); }
inline SendOutcome Unavailable() { return Http(503, BodyKind::kApiError); }

inline constexpr std::chrono::milliseconds kPlentyOfTime = std::chrono::hours(1);

// Gives every outcome to a deletion, whatever it says about sending again.
inline Deletion::Answer AnswerTo(const std::vector<SendOutcome>& outcomes,
                                 Deletion::Request request = {}) {
  RetryPolicy policy;
  policy.max_attempts = static_cast<int>(outcomes.size());
  Deletion deletion(policy, request);
  for (const SendOutcome& outcome : outcomes) {
    deletion.AfterSend(outcome, RetryHint{}, kPlentyOfTime, 0.5);
  }
  return deletion.answer();
}

}  // namespace evalrun::deletion

#endif  // EVALRUN_TESTS_UNIT_DELETION_DELETION_TESTING_H_
