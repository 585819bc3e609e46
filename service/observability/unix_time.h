// SPDX-License-Identifier: Apache-2.0
//
// File: unix_time.h
#ifndef EVALRUN_SERVICE_OBSERVABILITY_UNIX_TIME_H_
#define EVALRUN_SERVICE_OBSERVABILITY_UNIX_TIME_H_

#include <chrono>

namespace evalrun::observability {

// Seconds since 1970-01-01 UTC, as Prometheus and JSON represent times.
[[nodiscard]] inline double UnixSeconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_UNIX_TIME_H_
