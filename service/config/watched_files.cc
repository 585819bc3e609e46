// SPDX-License-Identifier: Apache-2.0

#include "service/config/watched_files.h"

#include <functional>
#include <string_view>

#include "service/config/secret.h"
#include "service/config/text.h"

namespace evalrun::config {
namespace {

using Content = absl::StatusOr<std::string>;

std::uint64_t CombineHashes(std::uint64_t sum, std::uint64_t hash) {
  return (sum ^ hash) * 0x9E3779B97F4A7C15U + (sum >> 29U);
}

std::uint64_t HashContent(const Content& content) {
  const std::hash<std::string_view> hash;
  if (content.ok()) return hash(*content);
  const auto message = content.status().message();
  return ~hash({message.data(), message.size()});
}

}  // namespace

FileReader WatchedFiles::MakeReader() {
  return [this](const std::string& path, std::size_t max_bytes) {
    Content content = ReadFile(path, max_bytes);
    // A file that is read again by the same load, and has changed meanwhile, must be loaded anew.
    files_.try_emplace(
        path, File{.max_bytes = max_bytes,
                   .hash = HashContent(content),
                   .is_whitespace =
                       content.ok() && content->find_first_not_of(" \t\r\n") == std::string::npos});
    return content;
  };
}

bool WatchedFiles::CheckForChanges() {
  const std::uint64_t current = CurrentHash();
  const bool has_settled = current != LoadedHash() && last_seen_hash_ == current;
  last_seen_hash_ = current;
  return has_settled;
}

std::uint64_t WatchedFiles::LoadedHash() const {
  std::uint64_t sum = 0;
  for (const auto& [path, file] : files_) sum = CombineHashes(sum, file.hash);
  return sum;
}

std::uint64_t WatchedFiles::CurrentHash() const {
  std::uint64_t sum = 0;
  for (const auto& [path, file] : files_) {
    Content content = ReadFile(path, file.max_bytes);
    sum = CombineHashes(sum, HashContent(content));
    if (content.ok()) WipeString(&*content);
  }
  return sum;
}

std::string WatchedFiles::FindBlankFile() const {
  for (const auto& [path, file] : files_) {
    if (file.is_whitespace) return path;
  }
  return {};
}

}  // namespace evalrun::config
