#include "rest_backend/api/retry_after.h"

#include <absl/time/time.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <system_error>

namespace evalrun::rest {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kWhiteSpace = " \t";

std::string_view Trim(std::string_view s) {
  const std::size_t first = s.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(kWhiteSpace) - first + 1);
}

// A plain non-negative decimal number, all of `s`; no sign, no exponent, no "inf".
std::optional<double> ParseDecimal(std::string_view s) {
  if (s.empty() || s.front() < '0' || s.front() > '9') return std::nullopt;
  double value = 0;
  const auto [end, error] =
      std::from_chars(s.data(), s.data() + s.size(), value, std::chars_format::fixed);
  // A number too large for a double is still a very long wait.
  if (error == std::errc::result_out_of_range && end == s.data() + s.size())
    value = 1e300;
  else if (error != std::errc() || end != s.data() + s.size())
    return std::nullopt;
  return value;
}

milliseconds Clamp(double ms) {
  const auto longest = static_cast<double>(kLongestRetryAfter.count());
  return milliseconds(static_cast<milliseconds::rep>(std::ceil(std::clamp(ms, 0.0, longest))));
}

// The three forms of RFC 9110, section 5.6.7, the preferred one first.
std::optional<absl::Time> ParseHttpDate(std::string_view s) {
  // Debian builds abseil with a string_view of its own.
  const absl::string_view text(s.data(), s.size());
  for (const char* format :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    absl::Time time;
    if (absl::ParseTime(format, text, &time, /*err=*/nullptr)) return time;
  }
  return std::nullopt;
}

}  // namespace

std::optional<milliseconds> ParseRetryAfter(std::string_view retry_after,
                                            std::string_view retry_after_ms,
                                            std::chrono::system_clock::time_point now) {
  if (const auto ms = ParseDecimal(Trim(retry_after_ms))) return Clamp(*ms);
  const std::string_view value = Trim(retry_after);
  if (const auto seconds = ParseDecimal(value)) return Clamp(*seconds * 1000);
  if (const auto date = ParseHttpDate(value)) {
    return Clamp(absl::ToDoubleMilliseconds(*date - absl::FromChrono(now)));
  }
  return std::nullopt;
}

}  // namespace evalrun::rest
