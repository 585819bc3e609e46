// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/deletion/resource_id.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include <absl/strings/ascii.h>

namespace evalrun::deletion {
namespace {

constexpr std::size_t kUuidLength = 36;
constexpr std::size_t kUuidDigits = 32;
constexpr std::array<std::size_t, 4> kUuidHyphens = {8, 13, 18, 23};
constexpr std::size_t kMaxOpaqueIdBytes = 128;

// <cctype> depends on the locale; ids do not.
constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool IsHexDigit(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// RFC 9562, section 4: 8-4-4-4-12 hexadecimal digits.
bool IsUuid(std::string_view s) {
  if (s.size() != kUuidLength) return false;
  for (std::size_t i = 0; i < kUuidLength; ++i) {
    const bool hyphen = std::ranges::find(kUuidHyphens, i) != kUuidHyphens.end();
    if (hyphen ? s[i] != '-' : !IsHexDigit(s[i])) return false;
  }
  return true;
}

bool IsTypePrefix(std::string_view s) {
  return !s.empty() && s.size() <= kMaxOpaqueIdBytes && IsLower(s.front()) &&
         std::ranges::all_of(s, [](char c) { return IsLower(c) || IsDigit(c) || c == '_'; });
}

// The UUID in `id` without its type prefix; empty when there is none.
std::string_view ExtractUuid(std::string_view id) {
  if (IsUuid(id)) return id;
  const std::size_t dot = id.find('.');
  if (dot == std::string_view::npos || !IsTypePrefix(id.substr(0, dot))) return {};
  const std::string_view rest = id.substr(dot + 1);
  return IsUuid(rest) ? rest : std::string_view();
}

bool IsOpaqueId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxOpaqueIdBytes && std::ranges::all_of(id, [](char c) {
    return IsDigit(c) || IsLower(c) || IsUpper(c) || c == '.' || c == '_' || c == '-';
  }) && std::ranges::any_of(id, [](char c) { return c != '.'; });
}

}  // namespace

bool IsWellFormedId(std::string_view id, IdFormat format) {
  return format == IdFormat::kUuid ? !ExtractUuid(id).empty() : IsOpaqueId(id);
}

std::string_view DescribeIdFormat(IdFormat format) {
  return format == IdFormat::kUuid
             ? "a UUID such as 954d54bc-bd5f-4cb5-8d20-688f368b712e, optionally after a type "
               "prefix such as `score_run.`"
             : "1 to 128 characters of A-Z a-z 0-9 . _ -, and not dots alone";
}

std::string CanonicalId(std::string_view id) {
  const std::string_view uuid = ExtractUuid(id);
  if (uuid.empty()) return std::string(id);
  std::string canonical(uuid);
  absl::AsciiStrToLower(&canonical);
  return canonical;
}

std::string TrailingUuid(std::string_view id) {
  std::string digits(id);
  std::erase(digits, '-');
  if (digits.size() < kUuidDigits) return {};
  digits.erase(0, digits.size() - kUuidDigits);
  if (!std::ranges::all_of(digits, IsHexDigit)) return {};
  absl::AsciiStrToLower(&digits);
  for (const std::size_t hyphen : kUuidHyphens) digits.insert(hyphen, 1, '-');
  return digits;
}

}  // namespace evalrun::deletion
