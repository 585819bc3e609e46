// SPDX-License-Identifier: Apache-2.0

#include "service/text/duration.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace evalrun::text {
namespace {

using std::chrono::microseconds;

struct Unit {
  std::string_view name;
  microseconds length;
};

// From the largest to the smallest.
constexpr std::array<Unit, 5> kUnits = {{{"h", std::chrono::hours(1)},
                                         {"m", std::chrono::minutes(1)},
                                         {"s", std::chrono::seconds(1)},
                                         {"ms", std::chrono::milliseconds(1)},
                                         {"us", microseconds(1)}}};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<microseconds> ParseDuration(std::string_view text) {
  std::int64_t number = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && IsDigit(text[digits]); ++digits) {
    number = number * 10 + (text[digits] - '0');
    if (number > kMaxDuration.count()) return std::nullopt;
  }
  if (digits == 0) return std::nullopt;
  for (const Unit& unit : kUnits) {
    if (text.substr(digits) != unit.name) continue;
    if (number > kMaxDuration / unit.length) return std::nullopt;
    return number * unit.length;
  }
  return std::nullopt;
}

std::string FormatDuration(microseconds duration) {
  if (duration == microseconds(0)) return "0s";
  for (const Unit& unit : kUnits) {
    if (duration % unit.length == microseconds(0)) {
      return std::to_string(duration / unit.length).append(unit.name);
    }
  }
  return "";  // not reached: every duration is a whole number of microseconds
}

}  // namespace evalrun::text
