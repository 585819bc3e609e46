// SPDX-License-Identifier: Apache-2.0

#include "service/cli/duration.h"

#include <fmt/format.h>

#include "service/text/duration.h"

namespace evalrun::cli {

std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  const std::optional<std::chrono::microseconds> parsed = text::ParseDuration(text);
  if (!parsed.has_value() || *parsed <= parsed->zero() || *parsed > std::chrono::hours(24)) {
    return std::nullopt;
  }
  const auto duration = std::chrono::duration_cast<std::chrono::milliseconds>(*parsed);
  return duration == *parsed ? std::optional(duration) : std::nullopt;
}

std::string FormatDuration(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  if (count < 1000) return fmt::format("{} ms", count);
  return fmt::format("{:g} s", static_cast<double>(count) / 1000);
}

}  // namespace evalrun::cli
