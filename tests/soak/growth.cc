// SPDX-License-Identifier: Apache-2.0

#include "tests/soak/growth.h"

#include <algorithm>
#include <cstddef>
#include <span>

#include <absl/strings/str_format.h>

namespace evalrun::testing {
namespace {

double Median(std::span<const SoakWindow> windows, double SoakWindow::*figure) {
  std::vector<double> values;
  values.reserve(windows.size());
  for (const SoakWindow& window : windows) values.push_back(window.*figure);
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace

std::vector<std::string> FindGrowth(const std::vector<SoakWindow>& windows,
                                    const SoakLimits& limits) {
  std::vector<std::string> grew;
  if (windows.size() < 4) return grew;
  const std::size_t third = (windows.size() - 1) / 3;
  const auto first = std::span(windows).subspan(1, third);
  const auto last = std::span(windows).last(third);
  const auto check = [&](const char* what, double SoakWindow::*figure, auto&& most) {
    const double before = Median(first, figure);
    const double after = Median(last, figure);
    if (after <= most(before)) return;
    grew.push_back(absl::StrFormat("%s grew from %.1f to %.1f; at most %.1f is flat", what, before,
                                   after, most(before)));
  };
  check("resident memory (KiB)", &SoakWindow::resident_kib, [&](double before) {
    return before + before * limits.resident_share + limits.resident_kib;
  });
  check("open descriptors", &SoakWindow::descriptors,
        [&](double before) { return before + limits.descriptors; });
  check("threads", &SoakWindow::threads, [&](double before) { return before + limits.threads; });
  check("median latency (ms)", &SoakWindow::p50_ms,
        [&](double before) { return std::max(before * limits.p50_times, before + limits.p50_ms); });
  return grew;
}

}  // namespace evalrun::testing
