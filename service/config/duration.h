// File: duration.h
//
// Durations as text (`1500ms`), as protobuf and as std::chrono. To the microsecond.
#ifndef EVALRUN_SERVICE_CONFIG_DURATION_H_
#define EVALRUN_SERVICE_CONFIG_DURATION_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <google/protobuf/duration.pb.h>

namespace evalrun::config {

// The longest duration that can be written: beyond it neither protobuf nor arithmetic with it is
// in danger of overflowing.
inline constexpr std::chrono::microseconds kMaxDuration = std::chrono::hours(24 * 365);

// Reads a whole number followed by `us`, `ms`, `s`, `m` or `h`. Empty for anything else: a sign, a
// fraction, blanks, no unit, or more than kMaxDuration.
[[nodiscard]] std::optional<std::chrono::microseconds> ParseDuration(std::string_view text);

// The shortest text with the largest unit that is exact and that ParseDuration() reads back: 90s
// for a minute and a half, 5m for five. `duration` is not negative.
[[nodiscard]] std::string FormatDuration(std::chrono::microseconds duration);

// To and from protobuf. Nanoseconds below a microsecond are cut. For durations up to
// kMaxDuration, which all durations of a loaded configuration are.
[[nodiscard]] std::chrono::microseconds ToMicroseconds(const google::protobuf::Duration& duration);
[[nodiscard]] google::protobuf::Duration ToProto(std::chrono::microseconds duration);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_DURATION_H_
