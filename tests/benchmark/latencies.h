// SPDX-License-Identifier: Apache-2.0
//
// File: latencies.h
#ifndef EVALRUN_TESTS_BENCHMARK_LATENCIES_H_
#define EVALRUN_TESTS_BENCHMARK_LATENCIES_H_

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <vector>

namespace evalrun::testing {

// A sample of latencies. Every value is kept, so that quantiles are exact.
class Latencies {
 public:
  void Add(std::chrono::microseconds latency) { all_.push_back(latency); }
  [[nodiscard]] std::size_t count() const { return all_.size(); }

  // The smallest value that at least a fraction `share` (0 to 1) of the values do not exceed; 0
  // when there are none.
  [[nodiscard]] std::chrono::microseconds Quantile(double share) {
    if (all_.empty()) return std::chrono::microseconds(0);
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(all_.size())));
    const auto nth = all_.begin() + static_cast<std::ptrdiff_t>(rank > 0 ? rank - 1 : 0);
    std::nth_element(all_.begin(), nth, all_.end());
    return *nth;
  }

 private:
  std::vector<std::chrono::microseconds> all_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_BENCHMARK_LATENCIES_H_
