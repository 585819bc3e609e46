// SPDX-License-Identifier: Apache-2.0

#include "service/cli/id_list.h"

#include <fmt/format.h>

#include "service/cli/list_file.h"
#include "service/cli/text.h"

namespace evalrun::cli {
namespace {

constexpr std::size_t kMaxErrorsShown = 10;
constexpr std::size_t kMaxShownLength = 80;

std::string_view WithoutComment(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t')) {
      return line.substr(0, i);
    }
  }
  return line;
}

std::string_view Trimmed(std::string_view text) {
  constexpr char kBlanks[] = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace

void IdList::Add(std::string_view id, std::string_view where) {
  if (!deletion::IsWellFormedId(id, format_)) {
    if (++error_count_ > kMaxErrorsShown) return;
    const std::string shown = Printable(id.substr(0, kMaxShownLength));
    errors_.push_back(
        fmt::format("{}: '{}{}'", Printable(where), shown, id.size() > kMaxShownLength ? "…" : ""));
    return;
  }
  if (seen_.insert(deletion::CanonicalId(id)).second) {
    ids_.emplace_back(id);
  } else {
    ++duplicates_;
  }
}

std::optional<std::string> IdList::AddLines(std::string_view text, std::string_view name,
                                            bool allow_empty) {
  if (IsUtf16(text)) return fmt::format("cannot use {}: {}", Printable(name), kUtf16Advice);
  RemoveByteOrderMark(&text);
  bool is_empty = true;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view id = Trimmed(WithoutComment(ConsumeLine(&text)));
    if (id.empty()) continue;
    is_empty = false;
    Add(id, fmt::format("{}:{}", name, number));
  }
  if (!is_empty || allow_empty) return std::nullopt;
  return fmt::format(
      "{} names no run, so nothing was sent: whatever should have written the list may have "
      "failed. Where an empty list is right, add --allow-empty",
      Printable(name));
}

std::string IdList::DescribeErrors() const {
  if (errors_.empty()) return "";
  std::string out;
  for (const std::string& mistake : errors_) out += fmt::format("  {}\n", mistake);
  if (error_count_ > errors_.size()) {
    out += fmt::format("  and {} more\n", error_count_ - errors_.size());
  }
  return out + fmt::format("An id is {}.", deletion::DescribeIdFormat(format_));
}

}  // namespace evalrun::cli
