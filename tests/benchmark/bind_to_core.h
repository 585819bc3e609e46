// SPDX-License-Identifier: Apache-2.0
//
// File: bind_to_core.h
#ifndef EVALRUN_TESTS_BENCHMARK_BIND_TO_CORE_H_
#define EVALRUN_TESTS_BENCHMARK_BIND_TO_CORE_H_

#include <sched.h>

namespace evalrun::testing {

// Binds the calling thread, and the threads that it creates later, to a core. A negative `core`
// does nothing.
inline void BindToCore(int core) {
  if (core < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(core), &set);
  sched_setaffinity(0, sizeof(set), &set);
}

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_BENCHMARK_BIND_TO_CORE_H_
