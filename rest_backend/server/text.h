// SPDX-License-Identifier: Apache-2.0
//
// File: text.h
//
// String utilities. Debian's build of Abseil does not accept std::string_view in absl::StrCat.
#ifndef EVALRUN_REST_BACKEND_SERVER_TEXT_H_
#define EVALRUN_REST_BACKEND_SERVER_TEXT_H_

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace evalrun::backend {

// Concatenates the parts, each of which is convertible to std::string_view.
template <typename... Parts>
[[nodiscard]] std::string Concat(const Parts&... parts) {
  std::string text;
  (text.append(std::string_view(parts)), ...);
  return text;
}

// Parses a decimal integer; nullopt if there is anything before or after it.
[[nodiscard]] inline std::optional<std::int64_t> ParseInteger(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end) return std::nullopt;
  return value;
}

// Converts ASCII letters to lower case, independently of the locale.
[[nodiscard]] inline std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// Whether `text` is a valid header name (RFC 9110, 5.6.2).
[[nodiscard]] inline bool IsToken(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_TEXT_H_
