// SPDX-License-Identifier: Apache-2.0
//
// File: property.h
//
// How fuzz targets state properties that must always hold.
#ifndef EVALRUN_TESTS_FUZZ_PROPERTY_H_
#define EVALRUN_TESTS_FUZZ_PROPERTY_H_

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/support/utf8.h"

namespace evalrun::fuzz {

// If `holds` is false, prints `property` and aborts the process, which libFuzzer reports as a
// finding. `property` is a string literal that says what must be true.
inline void Require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "BROKEN PROPERTY: %s\n", property);
  std::abort();
}

using testing::IsUtf8;

// Whether all characters are from `set`.
[[nodiscard]] inline bool ConsistsOf(std::string_view text, std::string_view set) {
  return text.find_first_not_of(set) == std::string_view::npos;
}

// Removes the part before the first `separator` from `*rest` and returns it; everything if there is
// no separator.
[[nodiscard]] inline std::string_view ConsumeUntil(std::string_view separator,
                                                   std::string_view* rest) {
  const std::string_view part = rest->substr(0, rest->find(separator));
  rest->remove_prefix(std::min(rest->size(), part.size() + separator.size()));
  return part;
}

inline constexpr std::string_view kDigits = "0123456789";
inline constexpr std::string_view kLowerHex = "0123456789abcdef";
// RFC 3986's unreserved characters, without `~`.
inline constexpr std::string_view kIdCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

}  // namespace evalrun::fuzz

#endif  // EVALRUN_TESTS_FUZZ_PROPERTY_H_
