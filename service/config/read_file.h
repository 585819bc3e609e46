// SPDX-License-Identifier: Apache-2.0
//
// File: read_file.h
//
// Reads a small file as a whole.
#ifndef EVALRUN_SERVICE_CONFIG_READ_FILE_H_
#define EVALRUN_SERVICE_CONFIG_READ_FILE_H_

#include <cstddef>
#include <functional>
#include <string>

#include <absl/status/statusor.h>

namespace evalrun::config {

// Largest size of a YAML file, and of a file with certificates or a private key.
inline constexpr std::size_t kMaxConfigFileBytes = std::size_t{1} << 20U;

// Reads a file as ReadFile() does. Tests put their own in its place.
using FileReader =
    std::function<absl::StatusOr<std::string>(const std::string& path, std::size_t max_bytes)>;

// The content of the file. An error, "cannot read PATH: ...", when it has more than `max_bytes` or
// cannot be read, or when it is not a regular file, so that no thread waits for the writer of a
// pipe. No copy of the content is left in freed memory.
[[nodiscard]] absl::StatusOr<std::string> ReadFile(const std::string& path, std::size_t max_bytes);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_READ_FILE_H_
