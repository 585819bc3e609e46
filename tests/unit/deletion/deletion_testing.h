// SPDX-License-Identifier: Apache-2.0
//
// File: deletion_testing.h
//
// What the tests of `Deletion` share: attempts by name, and the response to several of them.
#ifndef EVALRUN_TESTS_UNIT_DELETION_DELETION_TESTING_H_
#define EVALRUN_TESTS_UNIT_DELETION_DELETION_TESTING_H_

#include <chrono>
#include <vector>

#include "rest_backend/deletion/deletion.h"
#include "tests/unit/deletion/printers.h"

namespace evalrun::deletion {

inline AttemptClassification Http(int status, BodyKind body = BodyKind::kOther) {
  return ClassifyStatus(status, body);
}
inline AttemptClassification Deleted() { return Http(204, BodyKind::kEmpty); }
inline AttemptClassification Absent() { return Http(404, BodyKind::kApiError); }
inline AttemptClassification AbsentByCode(ScopeStatus scope) {
  AttemptClassification classification = Absent();
  classification.scope = scope;
  return classification;
}
inline AttemptClassification Unrecognized404() { return Http(404, BodyKind::kOther); }
inline AttemptClassification Lost() { return ClassifyFault(Fault::kConnectionLost, true); }
inline AttemptClassification TimedOut() { return ClassifyFault(Fault::kTimeout, true); }
inline AttemptClassification ConnectRefused() { return ClassifyFault(Fault::kConnect, false); }
inline AttemptClassification Unavailable() { return Http(503, BodyKind::kApiError); }

inline constexpr std::chrono::milliseconds kAmpleTime = std::chrono::hours(1);

// The response after these attempts, whatever the deletion says about retries.
inline Deletion::Response ResponseTo(const std::vector<AttemptClassification>& outcomes,
                                     Deletion::Request request = {}) {
  RetryPolicy policy;
  policy.max_attempts = static_cast<int>(outcomes.size());
  Deletion deletion(policy, request);
  for (const AttemptClassification& outcome : outcomes) {
    deletion.OnAttemptFinished(outcome, RetryHint{}, kAmpleTime, 0.5);
  }
  return deletion.response();
}

}  // namespace evalrun::deletion

#endif  // EVALRUN_TESTS_UNIT_DELETION_DELETION_TESTING_H_
