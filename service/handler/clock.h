// SPDX-License-Identifier: Apache-2.0
//
// File: clock.h
//
// What time it is, for the handler.
#ifndef EVALRUN_SERVICE_HANDLER_CLOCK_H_
#define EVALRUN_SERVICE_HANDLER_CLOCK_H_

#include <chrono>

namespace evalrun::handler {

class Clock {
 public:
  [[nodiscard]] virtual std::chrono::steady_clock::time_point SteadyNow() const = 0;
  [[nodiscard]] virtual std::chrono::system_clock::time_point SystemNow() const = 0;

 protected:
  ~Clock() = default;
};

// The machine's clocks. Thread-safe.
class MachineClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::steady_clock::time_point SteadyNow() const override {
    return std::chrono::steady_clock::now();
  }
  [[nodiscard]] std::chrono::system_clock::time_point SystemNow() const override {
    return std::chrono::system_clock::now();
  }
};

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_CLOCK_H_
