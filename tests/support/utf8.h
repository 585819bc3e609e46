// SPDX-License-Identifier: Apache-2.0
//
// File: utf8.h
//
// What tests go by instead of the functions under test.
#ifndef EVALRUN_TESTS_SUPPORT_UTF8_H_
#define EVALRUN_TESTS_SUPPORT_UTF8_H_

#include <cstddef>
#include <string_view>

namespace evalrun::testing {

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] inline bool IsUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
    const unsigned char lead = byte(i);
    std::size_t length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (lead < 0x80) {
      length = 1;
    } else if (lead >= 0xc2 && lead <= 0xdf) {
      length = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      length = 3;
      if (lead == 0xe0) low = 0xa0;
      if (lead == 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      length = 4;
      if (lead == 0xf0) low = 0x90;
      if (lead == 0xf4) high = 0x8f;
    } else {
      return false;
    }
    if (i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if (byte(i + k) < (k == 1 ? low : 0x80) || byte(i + k) > (k == 1 ? high : 0xbf)) return false;
    }
    i += length;
  }
  return true;
}

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_UTF8_H_
