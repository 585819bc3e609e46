// SPDX-License-Identifier: Apache-2.0
//
// The values of Retry-After or Date and, after the first newline, of retry-after-ms: the parsed
// delay is within bounds or absent.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rest_backend/deletion/retry_after.h"
#include "tests/fuzz/property.h"

namespace evalrun::fuzz {
namespace {

using std::chrono::milliseconds;
using std::chrono::sys_days;

void CheckBounds(std::optional<milliseconds> wait) {
  Require(!wait || (*wait >= milliseconds(0) && *wait <= deletion::kMaxRetryAfter),
          "a wait is from 0 to an hour");
}

// A necessary condition: only characters that RFC 9110 allows, and no sign or punctuation first.
bool MayBeWellFormed(std::string_view value) {
  constexpr std::string_view kDateCharacters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789,:-. \t";
  const std::size_t first = value.find_first_not_of(" \t");
  return first != std::string_view::npos && ConsistsOf(value, kDateCharacters) &&
         std::string_view("-.,:").find(value[first]) == std::string_view::npos;
}

void CheckRetryAfter(std::string_view value) {
  const sys_days now = std::chrono::year(2026) / 1 / 1;
  const auto wait = deletion::ParseRetryAfter(value, "", "", now);
  CheckBounds(wait);
  Require(!wait || MayBeWellFormed(value), "what is malformed is absent");
  if (!value.empty() && value.size() < 15 && ConsistsOf(value, kDigits)) {
    const milliseconds asked = std::chrono::seconds(std::stoll(std::string(value)));
    Require(wait == std::min(asked, deletion::kMaxRetryAfter), "whole seconds are that many");
  }
  const auto by_its_date =
      deletion::ParseRetryAfter("Fri, 06 Nov 2026 08:49:37 GMT", "", value, now);
  CheckBounds(by_its_date);
  Require(by_its_date.has_value(), "the response's date does not decide what is well-formed");
  for (const int year : {1970, 1999, 2038, 2199}) {
    const auto at =
        deletion::ParseRetryAfter(value, "", "", sys_days(std::chrono::year(year) / 2 / 28));
    CheckBounds(at);
    Require(at.has_value() == wait.has_value(), "the time does not decide what is well-formed");
  }
}

}  // namespace
}  // namespace evalrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using evalrun::deletion::ParseRetryAfter;
  using evalrun::fuzz::Require;
  std::string_view ms(reinterpret_cast<const char*>(data), size);
  const std::string_view value = evalrun::fuzz::ConsumeUntil("\n", &ms);
  const std::chrono::sys_days now = std::chrono::year(2026) / 1 / 1;
  evalrun::fuzz::CheckRetryAfter(value);

  const auto from_ms = ParseRetryAfter("", ms, "", now);
  evalrun::fuzz::CheckBounds(from_ms);
  Require(ParseRetryAfter(value, ms, "", now) ==
              (from_ms ? from_ms : ParseRetryAfter(value, "", "", now)),
          "retry-after-ms wins, and is as if absent when it is malformed");
  return 0;
}
