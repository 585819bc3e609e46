// SPDX-License-Identifier: Apache-2.0
//
// File: watched_files.h
//
// The files that a load of the configuration has read, and whether they have changed since. They
// are compared by content, so that it makes no difference whether a symbolic link is switched, a
// file is renamed over another, or a file is written in place.
#ifndef EVALRUN_SERVICE_CONFIG_WATCHED_FILES_H_
#define EVALRUN_SERVICE_CONFIG_WATCHED_FILES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "service/config/read_file.h"

namespace evalrun::config {

// Not thread-safe. Keeps hashes, never content: some of the files hold secrets.
class WatchedFiles {
 public:
  WatchedFiles() = default;
  WatchedFiles(const WatchedFiles&) = delete;
  WatchedFiles& operator=(const WatchedFiles&) = delete;

  // Reads like ReadFile() and remembers what was read first since Clear(), for as long as this
  // object lives.
  [[nodiscard]] FileReader MakeReader();

  // Forgets all files: a new load begins.
  void Clear() { files_.clear(); }

  // Whether the content has changed since it was read, and is the same as at the last check: a file
  // that is still being written is not.
  [[nodiscard]] bool CheckForChanges();

  // A hash of the content that was read, and of the content of the same files now. The error of a
  // file that cannot be read counts as its content.
  [[nodiscard]] std::uint64_t LoadedHash() const;
  [[nodiscard]] std::uint64_t CurrentHash() const;

  // The path of a blank file, or empty: it may be about to be written, so that the last load must
  // not replace another.
  [[nodiscard]] std::string FindBlankFile() const;

 private:
  struct File {
    std::size_t max_bytes = 0;
    std::uint64_t hash = 0;
    bool is_whitespace = false;
  };

  std::map<std::string, File> files_;            // by path
  std::optional<std::uint64_t> last_seen_hash_;  // at the last check
};

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_WATCHED_FILES_H_
