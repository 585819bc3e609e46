// SPDX-License-Identifier: Apache-2.0
//
// File: write_all.h
//
// Repeats write(2) until everything is written.
#ifndef EVALRUN_SERVICE_CLI_WRITE_ALL_H_
#define EVALRUN_SERVICE_CLI_WRITE_ALL_H_

#include <string_view>

namespace evalrun::cli {

// Writes `bytes` to `fd`. Returns 0, or the errno, which is also left in errno. Continues after
// EINTR.
[[nodiscard]] int WriteAll(int fd, std::string_view bytes);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_WRITE_ALL_H_
