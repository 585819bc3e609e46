// SPDX-License-Identifier: Apache-2.0

#include "service/cli/done_record.h"

#include <fmt/format.h>

#include "rest_backend/deletion/resource_id.h"
#include "service/cli/list_file.h"
#include "service/cli/text.h"

namespace evalrun::cli {
namespace {

constexpr std::string_view kMark = "# evalrunctl done-file 1 ";

}  // namespace

std::string DoneRecord::Header(std::string_view server,
                               const std::optional<std::string>& workspace) {
  return fmt::format("{}server={} workspace={}\n", kMark, Printable(server),
                     Printable(deletion::CanonicalId(workspace.value_or(""))));
}

std::string DoneRecord::Line(std::string_view word, std::string_view id) {
  return fmt::format("{} {}\n", word, id);
}

std::optional<std::string> DoneRecord::Read(std::string_view text, std::string_view header) {
  if (text.empty()) return std::nullopt;
  if (IsUtf16(text)) return std::string(kUtf16Advice);
  RemoveByteOrderMark(&text);
  const std::string_view found = ConsumeLine(&text);
  if (!found.starts_with(kMark)) {
    return "it is not a done-file: its first line was not written by evalrunctl";
  }
  if (found != ConsumeLine(&header)) {
    return fmt::format(
        "it was written for another gateway or workspace ({}): name another file, or change its "
        "first line if both are the same",
        Printable(found.substr(kMark.size())));
  }
  text = text.substr(0, text.rfind('\n') + 1);
  while (!text.empty()) {
    const std::string_view line = ConsumeLine(&text);
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) continue;
    const std::string_view word = line.substr(0, blank);
    DoneState& done = by_id_[deletion::CanonicalId(line.substr(blank + 1))];
    if (done == DoneState::kGone) continue;
    if (word == "gone") done = DoneState::kGone;
    if (word == "failed") done = DoneState::kNotDeleted;
    if (word == "sent" || word == "unknown") done = DoneState::kPossiblyDeleted;
  }
  return std::nullopt;
}

DoneState DoneRecord::Find(std::string_view id) const {
  const auto it = by_id_.find(deletion::CanonicalId(id));
  return it == by_id_.end() ? DoneState::kNotDeleted : it->second;
}

}  // namespace evalrun::cli
