// SPDX-License-Identifier: Apache-2.0
//
// File: process_stats.h
//
// Resource usage of another process, from /proc.
#ifndef EVALRUN_TESTS_BENCHMARK_PROCESS_STATS_H_
#define EVALRUN_TESTS_BENCHMARK_PROCESS_STATS_H_

#include <sys/types.h>

#include <chrono>

namespace evalrun::testing {

struct ProcessStats {
  long resident_kib = 0;       // VmRSS
  long peak_resident_kib = 0;  // VmHWM
  long threads = 0;
  long descriptors = 0;
  std::chrono::milliseconds cpu{0};  // user and system time since its start
};

// All values are zero if there is no such process.
[[nodiscard]] ProcessStats ReadProcessStats(pid_t pid);

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_BENCHMARK_PROCESS_STATS_H_
