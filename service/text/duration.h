// SPDX-License-Identifier: Apache-2.0
//
// File: duration.h
//
// Durations as text, such as `1500ms`. To the microsecond. Pure.
#ifndef EVALRUN_SERVICE_TEXT_DURATION_H_
#define EVALRUN_SERVICE_TEXT_DURATION_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace evalrun::text {

// The longest duration that can be written. It keeps arithmetic with durations far from overflow.
inline constexpr std::chrono::microseconds kMaxDuration = std::chrono::hours(24 * 365);

// Parses a whole number followed by `us`, `ms`, `s`, `m` or `h`. Empty for anything else: a sign, a
// fraction, blanks, no unit, or more than kMaxDuration.
[[nodiscard]] std::optional<std::chrono::microseconds> ParseDuration(std::string_view text);

// The text with the largest unit that is exact; ParseDuration() reads it back: `90s` for a minute
// and a half, `5m` for five minutes. `duration` is not negative.
[[nodiscard]] std::string FormatDuration(std::chrono::microseconds duration);

}  // namespace evalrun::text

#endif  // EVALRUN_SERVICE_TEXT_DURATION_H_
