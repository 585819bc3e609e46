// File: growth.h
//
// Whether what was seen of a gateway over time shows that it keeps something it should have given
// back. Pure functions.
#ifndef EVALRUN_TESTS_SOAK_GROWTH_H_
#define EVALRUN_TESTS_SOAK_GROWTH_H_

#include <string>
#include <vector>

namespace evalrun::testing {

// One window of time, such as a minute.
struct SoakWindow {
  double minutes = 0;  // from the start to the window's end
  long calls = 0;
  long ok = 0;
  double p50_ms = 0;        // of calls that are answered from the upstream's first answer
  double p99_ms = 0;        // the same
  double resident_kib = 0;  // medians of the samples
  double descriptors = 0;
  double threads = 0;
  double upstream_connections = 0;
  double in_flight = 0;
};

struct SoakLimits {
  // Growth of the median from the first third to the last third (the first window is warm-up and
  // is not looked at). Memory: an allocator that meets a new peak grows by steps, so a share of
  // what there is and a fixed part.
  double resident_share = 0.05;
  double resident_kib = 2048;
  double descriptors = 8;
  double threads = 0;
  // Latency may not become more than this many times as long, and more than this longer.
  double p50_times = 1.5;
  double p50_ms = 2;
};

// One sentence for each thing that grew; empty: all is flat. Fewer than 4 windows show nothing.
[[nodiscard]] std::vector<std::string> FindGrowth(const std::vector<SoakWindow>& windows,
                                                  const SoakLimits& limits);

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SOAK_GROWTH_H_
