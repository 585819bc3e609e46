// File: timestamp.h
//
// Points in time, as the database keeps them and as the API writes them.
#ifndef EVALRUN_REST_BACKEND_SERVER_TIMESTAMP_H_
#define EVALRUN_REST_BACKEND_SERVER_TIMESTAMP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace evalrun::backend {

// Milliseconds since 1970-01-01T00:00:00Z.
using UnixMillis = std::int64_t;

[[nodiscard]] UnixMillis Now();

// `2025-03-04T05:06:07.008Z`.
[[nodiscard]] std::string FormatTimestamp(UnixMillis time);

// Reads what FormatTimestamp writes, with or without the fraction. Anything else is nullopt.
[[nodiscard]] std::optional<UnixMillis> ParseTimestamp(std::string_view text);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_TIMESTAMP_H_
