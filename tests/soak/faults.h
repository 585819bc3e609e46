// File: faults.h
//
// What the upstream and the callers of a soak do, by the number of the request or call: mostly what
// they should.
#ifndef EVALRUN_TESTS_SOAK_FAULTS_H_
#define EVALRUN_TESTS_SOAK_FAULTS_H_

#include <cstdint>

#include "tests/benchmark/load.h"
#include "tests/benchmark/timed_upstream.h"

namespace evalrun::testing {

// Thread-safe, and the same for the same number.
[[nodiscard]] TimedReply SoakReply(std::uint64_t number);
[[nodiscard]] CallPlan SoakCall(std::uint64_t number);

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SOAK_FAULTS_H_
