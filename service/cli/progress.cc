// SPDX-License-Identifier: Apache-2.0

#include "service/cli/progress.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace evalrun::cli {
namespace {

std::size_t Percent(const Progress& progress) {
  return progress.total == 0 ? 100 : progress.settled() * 100 / progress.total;
}

double PerSecond(const Progress& progress) {
  const double seconds = static_cast<double>(progress.elapsed.count()) / 1000;
  return seconds <= 0 ? 0 : static_cast<double>(progress.settled()) / seconds;
}

// Whole numbers from 10 on, so that the line does not flicker.
std::string Rate(double per_second) {
  return fmt::format("{:.{}f}/s", per_second, per_second < 10 ? 1 : 0);
}

// `5 s`, `3 min`, `2 h`: rounded up, since finishing early is better than finishing late.
std::string FormatEta(double seconds) {
  if (seconds <= 90) return fmt::format("{:.0f} s", std::max(1.0, seconds));
  if (seconds <= 90 * 60) return fmt::format("{:.0f} min", std::ceil(seconds / 60));
  return fmt::format("{:.0f} h", std::ceil(seconds / 3600));
}

std::string WholeSeconds(std::chrono::milliseconds duration) {
  return fmt::format("{} s", (duration.count() + 999) / 1000);
}

}  // namespace

std::string ProgressBar(const Progress& progress, std::size_t columns) {
  const double rate = PerSecond(progress);
  std::string facts =
      fmt::format(" {:3}%  {}/{}", Percent(progress), progress.settled(), progress.total);
  // In order of importance, in case the line is too long for all of them.
  std::string more;
  if (progress.failed > 0) more += fmt::format("  {} not deleted", progress.failed);
  if (progress.unknown > 0) more += fmt::format("  {} unknown", progress.unknown);
  if (progress.stopping) {
    more += "  stopping";
  } else if (progress.waiting.count() > 0) {
    more += fmt::format("  asked to wait {}", WholeSeconds(progress.waiting));
  } else if (rate > 0) {
    const auto left = static_cast<double>(progress.total - progress.settled());
    more += fmt::format("  {}  {} left", Rate(rate), FormatEta(left / rate));
  }
  const std::size_t max_width = columns > 1 ? columns - 1 : 0;
  constexpr std::size_t kMaxBarWidth = 30;
  constexpr std::size_t kMinBarWidth = 10;
  const std::size_t used = facts.size() + more.size() + 2;
  std::string line;
  if (used + kMinBarWidth <= max_width) {
    const std::size_t width = std::min(kMaxBarWidth, max_width - used);
    const std::size_t filled = width * Percent(progress) / 100;
    line = fmt::format("[{}{}]", std::string(filled, '#'), std::string(width - filled, '-'));
  }
  line += facts + more;
  return line.substr(0, max_width);
}

std::string ProgressLine(const Progress& progress) {
  std::string line =
      fmt::format("{} of {} done ({}%)", progress.settled(), progress.total, Percent(progress));
  if (progress.failed > 0) line += fmt::format(", {} not deleted", progress.failed);
  if (progress.unknown > 0) line += fmt::format(", {} unknown", progress.unknown);
  line += ", " + Rate(PerSecond(progress));
  if (progress.waiting.count() > 0) {
    line += fmt::format(", asked to wait {}", WholeSeconds(progress.waiting));
  }
  return line;
}

}  // namespace evalrun::cli
