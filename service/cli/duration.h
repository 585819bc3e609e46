// File: duration.h
//
// Parses and formats durations for people, with a resolution of one millisecond.
#ifndef EVALRUN_SERVICE_CLI_DURATION_H_
#define EVALRUN_SERVICE_CLI_DURATION_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace evalrun::cli {

// Parses `30s`, `1500ms`, `2m`, `1h`: a positive whole number and its unit, at most a day.
[[nodiscard]] std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);

// Formats `duration`, which is positive, as ParseDuration() reads it, with the largest unit that is
// exact.
[[nodiscard]] std::string DurationFlag(std::chrono::milliseconds duration);

// Formats for reading: `250 ms`, `1.5 s`.
[[nodiscard]] std::string FormatDuration(std::chrono::milliseconds duration);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_DURATION_H_
