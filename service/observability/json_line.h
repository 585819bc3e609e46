// SPDX-License-Identifier: Apache-2.0
//
// File: json_line.h
//
// Writes one JSON object on one line. No input can end the line or the string that contains it:
// quotes, backslashes, control characters, DEL and the line separators U+2028 and U+2029 are
// escaped, and invalid UTF-8 is replaced by U+FFFD.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_JSON_LINE_H_
#define EVALRUN_SERVICE_OBSERVABILITY_JSON_LINE_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace evalrun::observability {

//   JsonLine line(&buffer);
//   line.Time(now).Text("event", "listening").Number("port", 50051);
//   Write(line.Finish());
//
// Keys must be literals: they are not escaped. Not thread-safe.
class JsonLine {
 public:
  // Starts a line in `buffer`, replacing its content and reusing its memory.
  explicit JsonLine(std::string* buffer);

  // `"time"`: RFC 3339, UTC, to the microsecond.
  JsonLine& Time(std::chrono::system_clock::time_point time);
  JsonLine& Text(std::string_view key, std::string_view value);
  // Omitted if `value` is empty.
  JsonLine& OptionalText(std::string_view key, std::string_view value);
  JsonLine& Number(std::string_view key, std::int64_t value);
  // In seconds, to the microsecond.
  JsonLine& Seconds(std::string_view key, std::chrono::microseconds value);
  JsonLine& Bool(std::string_view key, bool value);

  // Ends the object. Returns a view into `buffer`, without a newline.
  std::string_view Finish();

 private:
  void Key(std::string_view key);
  void AppendEscaped(std::string_view value);

  std::string& out_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_JSON_LINE_H_
