// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/deletion/retry_after.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <system_error>

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

namespace evalrun::deletion {
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
  if (end != s.data() + s.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // Too large for a double, or too small: a very long wait, or zero.
    const std::string_view whole = s.substr(0, s.find('.'));
    return whole.find_first_not_of('0') == std::string_view::npos ? 0 : 1e300;
  }
  if (error != std::errc()) return std::nullopt;
  return value;
}

milliseconds Clamp(double ms) {
  const auto longest = static_cast<double>(kMaxRetryAfter.count());
  return milliseconds(static_cast<milliseconds::rep>(std::ceil(std::clamp(ms, 0.0, longest))));
}

bool ParseTime(const char* format, std::string_view s, absl::Time* time) {
  // abseil also accepts "infinite-future", stops at a NUL, and skips form feeds and the like.
  const bool printable = std::ranges::all_of(s, [](char c) { return c >= 0x20 && c < 0x7F; });
  if (!printable || s.find(':') == std::string_view::npos) return false;
  // Debian builds abseil with a string_view of its own.
  return absl::ParseTime(format, absl::string_view(s.data(), s.size()), time, /*err=*/nullptr);
}

// A year of two digits is the one nearest to `now` that is at most 50 years ahead (RFC 9110).
absl::Time ResolveCentury(absl::Time time, absl::Time now) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::civil_year_t this_year = absl::ToCivilYear(now, utc).year();
  absl::CivilSecond civil = absl::ToCivilSecond(time, utc);
  const auto move = [&civil](int years) {
    civil = absl::CivilSecond(civil.year() + years, civil.month(), civil.day(), civil.hour(),
                              civil.minute(), civil.second());
  };
  while (civil.year() <= this_year - 50) move(100);
  while (civil.year() > this_year + 50) move(-100);
  return absl::FromCivil(civil, utc);
}

// The three forms of RFC 9110, section 5.6.7.
std::optional<absl::Time> ParseHttpDate(std::string_view s, absl::Time now) {
  absl::Time time;
  if (ParseTime("%a, %d %b %Y %H:%M:%S GMT", s, &time)) return time;
  if (ParseTime("%a %b %e %H:%M:%S %Y", s, &time)) return time;
  if (ParseTime("%A, %d-%b-%y %H:%M:%S GMT", s, &time)) return ResolveCentury(time, now);
  return std::nullopt;
}

}  // namespace

std::optional<milliseconds> ParseRetryAfter(std::string_view retry_after,
                                            std::string_view retry_after_ms, std::string_view date,
                                            std::chrono::system_clock::time_point now) {
  if (const auto ms = ParseDecimal(Trim(retry_after_ms))) return Clamp(*ms);
  const std::string_view value = Trim(retry_after);
  if (const auto seconds = ParseDecimal(value)) return Clamp(*seconds * 1000);
  const absl::Time absl_now = absl::FromChrono(now);
  const absl::Time sent_at = ParseHttpDate(Trim(date), absl_now).value_or(absl_now);
  if (const auto until = ParseHttpDate(value, sent_at)) {
    return Clamp(absl::ToDoubleMilliseconds(*until - sent_at));
  }
  return std::nullopt;
}

}  // namespace evalrun::deletion
