// SPDX-License-Identifier: Apache-2.0
//
// File: tracing_testing.h
//
// What the tests of tracing share.
#ifndef EVALRUN_TESTS_UNIT_TRACING_TRACING_TESTING_H_
#define EVALRUN_TESTS_UNIT_TRACING_TRACING_TESTING_H_

#include <cstdint>

#include "service/handler/random_source.h"

namespace evalrun::tracing {

// 1, 2, 3, ...
struct CountingRandom final : handler::RandomSource {
  std::uint64_t Bits() override { return ++count; }
  std::uint64_t count = 0;
};

struct FixedRandom final : handler::RandomSource {
  explicit FixedRandom(std::uint64_t value) : bits(value) {}
  std::uint64_t Bits() override { return bits; }
  std::uint64_t bits;
};

}  // namespace evalrun::tracing

#endif  // EVALRUN_TESTS_UNIT_TRACING_TRACING_TESTING_H_
