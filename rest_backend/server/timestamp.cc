// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/timestamp.h"

#include <time.h>

#include <chrono>
#include <cstdio>

namespace evalrun::backend {

UnixMillis Now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string FormatTimestamp(UnixMillis time) {
  const time_t seconds = time / 1000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  std::snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(time % 1000));
  return text;
}

std::optional<UnixMillis> ParseTimestamp(std::string_view text) {
  const std::string copy(text);
  tm parts{};
  const char* rest = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return std::nullopt;
  UnixMillis millis = 0;
  if (*rest == '.') {
    int scale = 100;
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest, scale /= 10) millis += (*rest - '0') * scale;
  }
  if (std::string_view(rest) != "Z") return std::nullopt;
  // timegm() would silently turn 31 February into 3 March.
  const tm asked = parts;
  const time_t seconds = timegm(&parts);
  if (seconds < 0 || parts.tm_mday != asked.tm_mday || parts.tm_mon != asked.tm_mon) {
    return std::nullopt;
  }
  return static_cast<UnixMillis>(seconds) * 1000 + millis;
}

}  // namespace evalrun::backend
