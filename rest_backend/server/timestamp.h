// SPDX-License-Identifier: Apache-2.0
//
// File: timestamp.h
//
// Points in time, as stored in the database and as formatted by the API.
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

// Parses what FormatTimestamp() returns, with or without the fraction; nullopt for anything else.
[[nodiscard]] std::optional<UnixMillis> ParseTimestamp(std::string_view text);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_TIMESTAMP_H_
