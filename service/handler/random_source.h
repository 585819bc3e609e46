// SPDX-License-Identifier: Apache-2.0
//
// File: random_source.h
//
// Randomness for the handler: jitter and request ids. Not for secrets.
#ifndef EVALRUN_SERVICE_HANDLER_RANDOM_SOURCE_H_
#define EVALRUN_SERVICE_HANDLER_RANDOM_SOURCE_H_

#include <cstdint>
#include <random>

namespace evalrun::handler {

class RandomSource {
 public:
  // 64 uniform bits.
  virtual std::uint64_t Bits() = 0;

  // Uniform in [0, 1).
  double Uniform() { return static_cast<double>(Bits() >> 11) * 0x1.0p-53; }

 protected:
  ~RandomSource() = default;
};

// Not thread-safe.
class PseudoRandomSource final : public RandomSource {
 public:
  explicit PseudoRandomSource(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t Bits() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_RANDOM_SOURCE_H_
