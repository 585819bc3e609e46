// SPDX-License-Identifier: Apache-2.0
//
// File: growth.h
//
// Detects from measurements over time whether a gateway leaks resources. Pure functions.
#ifndef EVALRUN_TESTS_SOAK_GROWTH_H_
#define EVALRUN_TESTS_SOAK_GROWTH_H_

#include <string>
#include <vector>

namespace evalrun::testing {

// The measurements of one interval, such as a minute.
struct SoakWindow {
  double minutes = 0;  // from the start to the end of the window
  long calls = 0;
  long ok = 0;
  double p50_ms = 0;        // of calls for which the upstream's first response is final
  double p99_ms = 0;        // the same
  double resident_kib = 0;  // medians of the samples
  double descriptors = 0;
  double threads = 0;
  double upstream_connections = 0;
  double in_flight = 0;
};

struct SoakLimits {
  // Allowed growth of the median from the first third to the last third (the first window is
  // warm-up and is ignored). Memory: an allocator grows in steps when a new peak is reached, so a
  // fraction of the initial value plus a constant.
  double resident_share = 0.05;
  double resident_kib = 2048;
  double descriptors = 8;
  double threads = 0;
  // Latency may grow by this factor or by this amount, whichever is larger.
  double p50_times = 1.5;
  double p50_ms = 2;
};

// One sentence for each value that grew too much; empty: none did. With fewer than 4 windows the
// result is always empty.
[[nodiscard]] std::vector<std::string> FindGrowth(const std::vector<SoakWindow>& windows,
                                                  const SoakLimits& limits);

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SOAK_GROWTH_H_
