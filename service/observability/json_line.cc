// SPDX-License-Identifier: Apache-2.0

#include "service/observability/json_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <ctime>

#include "rest_backend/deletion/utf8.h"

namespace evalrun::observability {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

bool IsPlain(char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

// Exactly `width` decimal digits.
void AppendPadded(std::int64_t value, std::size_t width, std::string* out) {
  std::array<char, 20> digits;
  for (std::size_t i = width; i > 0; --i, value /= 10) {
    digits[i - 1] = static_cast<char>('0' + value % 10);
  }
  out->append(digits.data(), width);
}

void AppendNumber(std::int64_t value, std::string* out) {
  std::array<char, 20> digits;
  const auto result = std::to_chars(digits.begin(), digits.end(), value);
  out->append(digits.data(), result.ptr);
}

// The date and time to the second. Cached, so that gmtime() is called once per second, not per
// line.
std::string_view DateTime(std::chrono::sys_seconds second) {
  struct Cache {
    std::chrono::sys_seconds second{std::chrono::seconds(-1)};
    std::array<char, 20> text{};
  };
  thread_local Cache cache;
  if (cache.second != second) {
    cache.second = second;
    const std::time_t time = second.time_since_epoch().count();
    std::tm utc{};
    gmtime_r(&time, &utc);
    std::strftime(cache.text.data(), cache.text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  }
  return {cache.text.data(), 19};
}

}  // namespace

JsonLine::JsonLine(std::string* buffer) : out_(*buffer) { out_.assign("{"); }

void JsonLine::Key(std::string_view key) {
  if (out_.size() > 1) out_ += ',';
  out_ += '"';
  out_ += key;
  out_ += "\":";
}

JsonLine& JsonLine::Time(std::chrono::system_clock::time_point time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  Key("time");
  out_ += '"';
  out_ += DateTime(second);
  out_ += '.';
  AppendPadded(std::chrono::floor<std::chrono::microseconds>(time - second).count(), 6, &out_);
  out_ += "Z\"";
  return *this;
}

JsonLine& JsonLine::Text(std::string_view key, std::string_view value) {
  Key(key);
  out_ += '"';
  AppendEscaped(value);
  out_ += '"';
  return *this;
}

JsonLine& JsonLine::OptionalText(std::string_view key, std::string_view value) {
  return value.empty() ? *this : Text(key, value);
}

JsonLine& JsonLine::Number(std::string_view key, std::int64_t value) {
  Key(key);
  AppendNumber(value, &out_);
  return *this;
}

JsonLine& JsonLine::Seconds(std::string_view key, std::chrono::microseconds value) {
  Key(key);
  const std::int64_t count = std::max<std::int64_t>(0, value.count());
  AppendNumber(count / 1'000'000, &out_);
  out_ += '.';
  AppendPadded(count % 1'000'000, 6, &out_);
  return *this;
}

JsonLine& JsonLine::Bool(std::string_view key, bool value) {
  Key(key);
  out_ += value ? "true" : "false";
  return *this;
}

void JsonLine::AppendEscaped(std::string_view value) {
  while (!value.empty()) {
    const auto special = std::ranges::find_if_not(value, IsPlain);
    const auto plain = static_cast<std::size_t>(special - value.begin());
    out_.append(value.substr(0, plain));
    value.remove_prefix(plain);
    if (value.empty()) return;

    const std::size_t length = deletion::Utf8SequenceLength(value);
    const std::string_view sequence = value.substr(0, std::max<std::size_t>(1, length));
    value.remove_prefix(sequence.size());
    if (length == 0) {
      out_ += "\\ufffd";
    } else if (sequence == "\"" || sequence == "\\") {
      out_ += '\\';
      out_ += sequence;
    } else if (length == 1) {
      const auto byte = static_cast<unsigned char>(sequence[0]);
      out_ += "\\u00";
      out_ += kHexDigits[byte >> 4];
      out_ += kHexDigits[byte & 0xF];
    } else if (sequence == "\xE2\x80\xA8") {
      out_ += "\\u2028";
    } else if (sequence == "\xE2\x80\xA9") {
      out_ += "\\u2029";
    } else {
      out_ += sequence;
    }
  }
}

std::string_view JsonLine::Finish() {
  out_ += '}';
  return out_;
}

}  // namespace evalrun::observability
