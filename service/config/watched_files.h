// File: watched_files.h
//
// The files that a load of the configuration has read, and whether they have changed since. They
// are looked at by content: a symbolic link that is switched, a file that is renamed over another
// and one that is written in place are all the same.
#ifndef EVALRUN_SERVICE_CONFIG_WATCHED_FILES_H_
#define EVALRUN_SERVICE_CONFIG_WATCHED_FILES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "service/config/read_file.h"

namespace evalrun::config {

// Not thread-safe. Keeps hashes, never content: one of the files holds a key.
class WatchedFiles {
 public:
  WatchedFiles() = default;
  WatchedFiles(const WatchedFiles&) = delete;
  WatchedFiles& operator=(const WatchedFiles&) = delete;

  // Reads like ReadFile() and remembers what was read, for as long as this object lives.
  [[nodiscard]] FileReader MakeReader();

  // Forgets all files: a new load begins.
  void Clear() { files_.clear(); }

  // Looks whether what stands in the files has changed since it was read, and has stood from one
  // look to the next: a file that is just being written has not.
  [[nodiscard]] bool CheckForChanges();

  // A number for what was read, and for what stands in the same files now. A file that cannot be
  // read counts by its error.
  [[nodiscard]] std::uint64_t LoadedHash() const;
  [[nodiscard]] std::uint64_t CurrentHash() const;

  // A file that gives its content only once, such as a pipe, or one that is there but blank (which
  // somebody is about to write, or has lost); empty when there is none. A load that is to replace
  // another must not be made of it.
  [[nodiscard]] std::string FindUnreliableFile() const;

 private:
  struct File {
    std::size_t max_bytes = 0;
    std::uint64_t hash = 0;
    bool is_regular = true;
    bool is_whitespace = false;
  };

  std::map<std::string, File> files_;            // by path
  std::optional<std::uint64_t> last_seen_hash_;  // at the last look
};

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_WATCHED_FILES_H_
