// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/deletion/utf8.h"

namespace evalrun::deletion {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool InRange(char c, unsigned char first, unsigned char last) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= first && byte <= last;
}

bool IsContinuation(char c) { return InRange(c, 0x80, 0xBF); }

}  // namespace

std::size_t Utf8SequenceLength(std::string_view s) {
  if (s.empty()) return 0;
  const auto lead = static_cast<unsigned char>(s[0]);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return s.size() >= 2 && IsContinuation(s[1]) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned char first = lead == 0xE0 ? 0xA0 : 0x80;  // no overlong forms
    const unsigned char last = lead == 0xED ? 0x9F : 0xBF;   // no surrogates
    return s.size() >= 3 && InRange(s[1], first, last) && IsContinuation(s[2]) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned char first = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned char last = lead == 0xF4 ? 0x8F : 0xBF;  // nothing above U+10FFFF
    return s.size() >= 4 && InRange(s[1], first, last) && IsContinuation(s[2]) &&
                   IsContinuation(s[3])
               ? 4
               : 0;
  }
  return 0;
}

std::string ToValidUtf8(std::string_view s) {
  std::string valid;
  valid.reserve(s.size());
  while (!s.empty()) {
    const std::size_t length = Utf8SequenceLength(s);
    valid.append(length == 0 ? kReplacement : s.substr(0, length));
    s.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

std::string_view Utf8Prefix(std::string_view s, std::size_t max_bytes) {
  if (s.size() <= max_bytes) return s;
  std::size_t end = max_bytes;
  while (end > 0 && IsContinuation(s[end])) --end;
  return s.substr(0, end);
}

}  // namespace evalrun::deletion
