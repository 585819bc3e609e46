// SPDX-License-Identifier: Apache-2.0

#include "service/config/text.h"

#include <cstddef>

#include <absl/strings/escaping.h>

#include "rest_backend/deletion/utf8.h"

namespace evalrun::config {
namespace {

constexpr std::size_t kMaxEscapedBytes = 100;
constexpr std::size_t kMaxNameLength = 64;

}  // namespace

bool IsName(std::string_view text, std::string_view characters) {
  return !text.empty() && text.size() <= kMaxNameLength &&
         text.find_first_not_of(characters) == std::string_view::npos;
}

std::string Escape(std::string_view text) {
  if (text.size() <= kMaxEscapedBytes) return absl::CHexEscape(std::string(text));
  return Concat(absl::CHexEscape(std::string(text.substr(0, kMaxEscapedBytes))), "...");
}

std::string Quote(std::string_view text) { return Concat("\"", Escape(text), "\""); }

bool IsPlainText(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = deletion::Utf8SequenceLength(text);
    if (length == 0) return false;
    const auto byte = static_cast<unsigned char>(text[0]);
    if (byte < 0x20 || byte == 0x7f) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace evalrun::config
