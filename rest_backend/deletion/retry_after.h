// SPDX-License-Identifier: Apache-2.0
//
// File: retry_after.h
//
// The time that an upstream asks callers to wait (`Retry-After`).
#ifndef EVALRUN_REST_BACKEND_DELETION_RETRY_AFTER_H_
#define EVALRUN_REST_BACKEND_DELETION_RETRY_AFTER_H_

#include <chrono>
#include <optional>
#include <string_view>

namespace evalrun::deletion {

// The maximum; a longer wait is cut to it.
inline constexpr std::chrono::milliseconds kMaxRetryAfter = std::chrono::hours(1);

// Reads `retry-after-ms` (a non-negative decimal number of milliseconds; wins when both are
// well-formed) and `Retry-After` (RFC 9110, section 10.2.3: non-negative seconds, fractions
// tolerated, or an HTTP-date in any of the three forms of section 5.6.7; a date in the past is
// zero). A date is relative to `date`, the response's own time (`Date`), which the same clock has
// made; to `now` when that is absent. Empty means that a header is absent. A malformed value is
// treated as absent. Never throws.
[[nodiscard]] std::optional<std::chrono::milliseconds> ParseRetryAfter(
    std::string_view retry_after, std::string_view retry_after_ms, std::string_view date,
    std::chrono::system_clock::time_point now);

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_RETRY_AFTER_H_
