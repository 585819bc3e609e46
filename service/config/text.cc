#include "service/config/text.h"

#include <cstddef>
#include <cstdint>

#include <absl/strings/escaping.h>

namespace evalrun::config {
namespace {

constexpr std::size_t kMaxEscapedBytes = 100;

// The length of the well-formed UTF-8 sequence at the beginning of `text`, which is not empty; 0
// when there is none.
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [text](std::size_t i) -> std::uint32_t {
    return static_cast<unsigned char>(text[i]);
  };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  std::uint32_t code_point = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return 0;
    code_point = (code_point << 6U) | (byte(i) & 0x3fU);
  }
  if (length == 3 && (code_point < 0x800 || (code_point >= 0xd800 && code_point < 0xe000))) {
    return 0;
  }
  if (length == 4 && (code_point < 0x10000 || code_point > 0x10ffff)) return 0;
  return length;
}

}  // namespace

std::string Escape(std::string_view text) {
  if (text.size() <= kMaxEscapedBytes) return absl::CHexEscape(std::string(text));
  return Concat(absl::CHexEscape(std::string(text.substr(0, kMaxEscapedBytes))), "...");
}

std::string Quote(std::string_view text) { return Concat("\"", Escape(text), "\""); }

bool IsPlainText(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    if (length == 0) return false;
    const auto byte = static_cast<unsigned char>(text[0]);
    if (byte < 0x20 || byte == 0x7f) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace evalrun::config
