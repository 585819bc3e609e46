// SPDX-License-Identifier: Apache-2.0
//
// File: duration.h
//
// Durations of flags, and durations in output. To the millisecond.
#ifndef EVALRUN_SERVICE_CLI_DURATION_H_
#define EVALRUN_SERVICE_CLI_DURATION_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace evalrun::cli {

// `30s`, `1500ms`, `2m`, `1h`, as text::ParseDuration(). Empty also for zero, for more than a day,
// and for a fraction of a millisecond. text::FormatDuration() writes one.
[[nodiscard]] std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);

// For reading: `250 ms`, `1.5 s`.
[[nodiscard]] std::string FormatDuration(std::chrono::milliseconds duration);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_DURATION_H_
