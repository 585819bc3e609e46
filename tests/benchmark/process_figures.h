// File: process_figures.h
//
// What another process takes, as /proc tells it.
#ifndef EVALRUN_TESTS_BENCHMARK_PROCESS_FIGURES_H_
#define EVALRUN_TESTS_BENCHMARK_PROCESS_FIGURES_H_

#include <sys/types.h>

#include <chrono>

namespace evalrun::testing {

struct ProcessFigures {
  long resident_kib = 0;       // VmRSS
  long most_resident_kib = 0;  // VmHWM
  long threads = 0;
  long descriptors = 0;
  std::chrono::milliseconds cpu{0};  // user and system, since its start
};

// All zero when there is no such process.
[[nodiscard]] ProcessFigures FiguresOf(pid_t pid);

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_BENCHMARK_PROCESS_FIGURES_H_
