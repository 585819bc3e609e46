// SPDX-License-Identifier: Apache-2.0
//
// File: printers.h
//
// How the values of the domain are printed in a failed expectation.
#ifndef EVALRUN_TESTS_UNIT_DELETION_PRINTERS_H_
#define EVALRUN_TESTS_UNIT_DELETION_PRINTERS_H_

#include <ostream>

#include "rest_backend/deletion/attempt_classification.h"
#include "rest_backend/deletion/deletion.h"
#include "rest_backend/deletion/error_body.h"

namespace evalrun::deletion {

inline void PrintTo(BodyKind kind, std::ostream* os) {
  constexpr const char* kNames[] = {"kEmpty", "kJson", "kApiError", "kOther"};
  *os << kNames[static_cast<int>(kind)];
}

inline void PrintTo(Effect effect, std::ostream* os) {
  constexpr const char* kNames[] = {"kDeleted", "kAbsent", "kNothing", "kUnknown"};
  *os << kNames[static_cast<int>(effect)];
}

inline void PrintTo(Retry retry, std::ostream* os) {
  constexpr const char* kNames[] = {"kNever", "kSafe", "kOn500", "kOnConflict", "kAfterDelay"};
  *os << kNames[static_cast<int>(retry)];
}

inline void PrintTo(Fault fault, std::ostream* os) {
  constexpr const char* kNames[] = {"kNone",     "kResolve", "kConnect",        "kProxyRefused",
                                    "kTls",      "kTimeout", "kConnectionLost", "kProtocol",
                                    "kTooLarge", "kInternal"};
  *os << kNames[static_cast<int>(fault)];
}

inline void PrintTo(ScopeStatus status, std::ostream* os) {
  constexpr const char* kNames[] = {"kProven", "kMissing", "kUnverifiable"};
  *os << kNames[static_cast<int>(status)];
}

inline void PrintTo(Certainty certainty, std::ostream* os) { *os << CertaintyName(certainty); }

inline void PrintTo(const FieldError& error, std::ostream* os) {
  *os << "{" << error.field << ": " << error.description << "}";
}

inline void PrintTo(const AttemptClassification& outcome, std::ostream* os) {
  *os << "{" << absl::StatusCodeToString(outcome.code) << ", ";
  PrintTo(outcome.effect, os);
  *os << ", ";
  PrintTo(outcome.retry, os);
  *os << ", " << outcome.reason << ", scope ";
  PrintTo(outcome.scope, os);
  *os << "}";
}

}  // namespace evalrun::deletion

#endif  // EVALRUN_TESTS_UNIT_DELETION_PRINTERS_H_
