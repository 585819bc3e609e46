// File: duration.h
//
// Durations as a person types and reads them. To the millisecond.
#ifndef EVALRUN_SERVICE_CLI_DURATION_H_
#define EVALRUN_SERVICE_CLI_DURATION_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace evalrun::cli {

// `30s`, `1500ms`, `2m`, `1h`: a positive whole number and its unit, at most a day.
[[nodiscard]] std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);

// What ParseDuration reads back, with the largest unit that is exact. `duration` is positive.
[[nodiscard]] std::string DurationFlag(std::chrono::milliseconds duration);

// For reading: `250 ms`, `1.5 s`.
[[nodiscard]] std::string FormatDuration(std::chrono::milliseconds duration);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_DURATION_H_
