// SPDX-License-Identifier: Apache-2.0
//
// File: read_all.h
//
// Repeats read(2) until the end of the file.
#ifndef EVALRUN_SERVICE_CLI_READ_ALL_H_
#define EVALRUN_SERVICE_CLI_READ_ALL_H_

#include <string>

namespace evalrun::cli {

// Appends everything that can be read from `fd` to `*text`. Returns 0 at the end of the file, or
// the errno of a failed read, which is also left in errno: `*text` is then incomplete. Continues
// after EINTR, and waits where `fd` is non-blocking.
[[nodiscard]] int ReadAll(int fd, std::string* text);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_READ_ALL_H_
