// SPDX-License-Identifier: Apache-2.0

#include "service/cli/list_file.h"

#include <cstddef>

namespace evalrun::cli {

bool IsUtf16(std::string_view text) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return true;
  // Without a mark: the first character is ASCII, in either byte order.
  return text.size() >= 2 && (text[0] == '\0') != (text[1] == '\0');
}

void RemoveByteOrderMark(std::string_view* text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text->starts_with(kByteOrderMark)) text->remove_prefix(kByteOrderMark.size());
}

std::string_view ConsumeLine(std::string_view* text) {
  const std::size_t end = text->find('\n');
  std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace evalrun::cli
