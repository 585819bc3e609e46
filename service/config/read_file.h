// File: read_file.h
//
// Reading a small file whole.
#ifndef EVALRUN_SERVICE_CONFIG_READ_FILE_H_
#define EVALRUN_SERVICE_CONFIG_READ_FILE_H_

#include <cstddef>
#include <functional>
#include <string>

#include <absl/status/statusor.h>

namespace evalrun::config {

// How files are read: a seam for tests.
using FileReader =
    std::function<absl::StatusOr<std::string>(const std::string& path, std::size_t max_bytes)>;

// The content of the file. A file with more than `max_bytes`, and one that cannot be read, is an
// error whose message is for people and completes "cannot read PATH: ...". No copy of the content
// is left in freed memory. Pipes work; blocks as long as the file does.
[[nodiscard]] absl::StatusOr<std::string> ReadFile(const std::string& path, std::size_t max_bytes);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_READ_FILE_H_
