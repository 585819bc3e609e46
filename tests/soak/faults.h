// SPDX-License-Identifier: Apache-2.0
//
// File: faults.h
//
// The behaviour of the upstream and of the callers in a soak test, by the number of the request or
// call: mostly without faults.
#ifndef EVALRUN_TESTS_SOAK_FAULTS_H_
#define EVALRUN_TESTS_SOAK_FAULTS_H_

#include <cstdint>

#include "tests/benchmark/load.h"
#include "tests/benchmark/timed_upstream.h"

namespace evalrun::testing {

// Thread-safe and deterministic.
[[nodiscard]] TimedReply SoakReply(std::uint64_t number);
[[nodiscard]] CallPlan SoakCall(std::uint64_t number);

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SOAK_FAULTS_H_
