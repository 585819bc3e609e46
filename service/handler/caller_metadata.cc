// SPDX-License-Identifier: Apache-2.0

#include "service/handler/caller_metadata.h"

#include <algorithm>
#include <cstddef>

namespace evalrun::handler {
namespace {

constexpr std::size_t kMaxRequestIdLength = 128;
constexpr std::size_t kMaxTracestateLength = 512;
constexpr std::size_t kTraceparentLength = 55;  // 00-<32>-<16>-<2>

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsLowerHex(std::string_view s) {
  return std::ranges::all_of(s, [](char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); });
}

bool IsAllZero(std::string_view s) {
  return std::ranges::all_of(s, [](char c) { return c == '0'; });
}

}  // namespace

bool IsWellFormedRequestId(std::string_view value) {
  return !value.empty() && value.size() <= kMaxRequestIdLength &&
         std::ranges::all_of(value, [](char c) {
           return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                  c == '_' || c == '-';
         });
}

std::string_view ParseTraceId(std::string_view traceparent) {
  if (traceparent.size() < kTraceparentLength) return {};
  const std::string_view version = traceparent.substr(0, 2);
  const std::string_view trace_id = traceparent.substr(3, 32);
  const std::string_view parent_id = traceparent.substr(36, 16);
  const std::string_view flags = traceparent.substr(53, 2);
  const bool hyphens = traceparent[2] == '-' && traceparent[35] == '-' && traceparent[52] == '-';
  if (!hyphens || !IsLowerHex(version) || !IsLowerHex(trace_id) || !IsLowerHex(parent_id) ||
      !IsLowerHex(flags) || version == "ff" || IsAllZero(trace_id) || IsAllZero(parent_id)) {
    return {};
  }
  if (traceparent.size() > kTraceparentLength) {
    const std::string_view more = traceparent.substr(kTraceparentLength);
    const bool printable = std::ranges::all_of(more, [](char c) { return c > 0x20 && c < 0x7F; });
    if (version == "00" || more.front() != '-' || !printable ||
        more.size() > kMaxTracestateLength) {
      return {};
    }
  }
  return trace_id;
}

bool IsWellFormedTracestate(std::string_view value) {
  return value.size() <= kMaxTracestateLength && value.find('=') != std::string_view::npos &&
         std::ranges::all_of(value, [](char c) { return c >= 0x20 && c < 0x7F; });
}

bool HasPreviousAttempts(std::string_view value) {
  return !value.empty() && std::ranges::all_of(value, IsDigit) && !IsAllZero(value);
}

bool IsProxyRetry(std::string_view value) {
  if (!HasPreviousAttempts(value)) return false;
  return value.substr(value.find_first_not_of('0')) != "1";
}

}  // namespace evalrun::handler
