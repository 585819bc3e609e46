#include "service/config/duration.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "service/config/text.h"

namespace evalrun::config {
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
      return Concat(duration / unit.length, unit.name);
    }
  }
  return "";  // not reached: every duration is a number of microseconds
}

microseconds ToMicroseconds(const google::protobuf::Duration& duration) {
  return std::chrono::seconds(duration.seconds()) +
         std::chrono::duration_cast<microseconds>(std::chrono::nanoseconds(duration.nanos()));
}

google::protobuf::Duration ToProto(microseconds duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  google::protobuf::Duration result;
  result.set_seconds(seconds.count());
  result.set_nanos(static_cast<std::int32_t>(std::chrono::nanoseconds(duration - seconds).count()));
  return result;
}

}  // namespace evalrun::config
