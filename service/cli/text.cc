// SPDX-License-Identifier: Apache-2.0

#include "service/cli/text.h"

#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

#include "rest_backend/deletion/utf8.h"

namespace evalrun::cli {
namespace {

// The code point that the well-formed UTF-8 sequence `bytes` encodes.
std::uint32_t CodePoint(std::string_view bytes) {
  const auto byte = [bytes](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i]));
  };
  if (bytes.size() == 1) return byte(0);
  std::uint32_t code_point = byte(0) & (0xffU >> (bytes.size() + 1));
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    code_point = (code_point << 6U) | (byte(i) & 0x3fU);
  }
  return code_point;
}

// False for control characters, and for those that reorder or hide the text around them.
bool IsPrintable(std::uint32_t c) {
  if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return false;
  if (c >= 0x200b && c <= 0x200f) return false;
  if (c >= 0x2028 && c <= 0x202e) return false;
  return !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff;
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = deletion::Utf8SequenceLength(text);
    if (length == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
      continue;
    }
    const std::uint32_t code_point = CodePoint(text.substr(0, length));
    if (IsPrintable(code_point)) {
      out += text.substr(0, length);
    } else if (code_point < 0x100) {
      out += fmt::format("\\x{:02x}", code_point);
    } else {
      out += fmt::format("\\u{:04x}", code_point);
    }
    text.remove_prefix(length);
  }
  return out;
}

std::string ShellQuote(std::string_view argument) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:/@%+=,";
  if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(argument);
  }
  std::string quoted = "'";
  for (const char c : argument) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace evalrun::cli
