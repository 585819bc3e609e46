#include "service/cli/duration.h"

#include <charconv>
#include <cstdint>

#include <fmt/format.h>

namespace evalrun::cli {

std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  std::int64_t count = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<std::size_t>(rest - text.data()));
  std::int64_t scale = 0;
  if (unit == "ms") scale = 1;
  if (unit == "s") scale = 1000;
  if (unit == "m") scale = 60'000;
  if (unit == "h") scale = 3'600'000;
  constexpr std::int64_t kDay = 24LL * 60 * 60 * 1000;
  if (error != std::errc() || scale == 0 || count <= 0 || count > kDay / scale) return std::nullopt;
  return std::chrono::milliseconds(count * scale);
}

std::string DurationFlag(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  if (count % 3'600'000 == 0) return fmt::format("{}h", count / 3'600'000);
  if (count % 60'000 == 0) return fmt::format("{}m", count / 60'000);
  if (count % 1000 == 0) return fmt::format("{}s", count / 1000);
  return fmt::format("{}ms", count);
}

std::string FormatDuration(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  if (count < 1000) return fmt::format("{} ms", count);
  return fmt::format("{:g} s", static_cast<double>(count) / 1000);
}

}  // namespace evalrun::cli
