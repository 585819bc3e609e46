// SPDX-License-Identifier: Apache-2.0

#include "service/cli/id_list.h"

#include <fmt/format.h>

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

void IdList::AddLines(std::istream& in, std::string_view name) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    std::string_view text = line;
    if (number == 1 && text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    text = Trimmed(WithoutComment(text));
    if (!text.empty()) Add(text, fmt::format("{}:{}", name, number));
  }
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
