// SPDX-License-Identifier: Apache-2.0

#include "service/config/protected_runs.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "rest_backend/deletion/resource_id.h"
#include "service/config/read_file.h"
#include "service/config/text.h"

namespace evalrun::config {
namespace {

// By which a file may grow between two system calls.
constexpr std::size_t kMargin = std::size_t{64} << 10;

std::string_view Trim(std::string_view line) {
  line = line.substr(0, line.find('#'));
  const std::size_t begin = line.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

}  // namespace

absl::StatusOr<std::string> ReadProtectedRuns(const std::string& path) {
  struct stat status {};
  std::size_t size = 0;
  if (stat(path.c_str(), &status) == 0) size = static_cast<std::size_t>(status.st_size);
  return ReadFile(path, std::min(size + kMargin, kMaxProtectedRunsBytes));
}

absl::StatusOr<authz::ProtectedRuns> ParseProtectedRuns(std::string_view text,
                                                        const std::string& path, bool opaque_ids) {
  const auto format = opaque_ids ? deletion::IdFormat::kOpaque : deletion::IdFormat::kUuid;
  const auto error = [&path](std::size_t line, const std::string& what) {
    return absl::InvalidArgumentError(Concat(Escape(path), ":", line, ": ", what));
  };
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return absl::InvalidArgumentError(
        Concat(Escape(path), ": is blank; to protect no run, write a comment (#) into it"));
  }
  authz::ProtectedRuns::Builder builder;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      return error(line, "does not end with a newline: the file may be incomplete");
    }
    const std::string_view id = Trim(text.substr(0, end));
    text.remove_prefix(end + 1);
    if (id.empty()) continue;
    if (!deletion::IsWellFormedId(id, format)) {
      return error(line, Concat(Quote(id), " must be ", deletion::DescribeIdFormat(format)));
    }
    if (builder.size() == kMaxProtectedRuns) {
      return error(line, Concat("there must be no more than ", kMaxProtectedRuns, " ids"));
    }
    builder.Add(id);
  }
  return std::move(builder).Build();
}

}  // namespace evalrun::config
