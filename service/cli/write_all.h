// File: write_all.h
//
// write(2), until all is written.
#ifndef EVALRUN_SERVICE_CLI_WRITE_ALL_H_
#define EVALRUN_SERVICE_CLI_WRITE_ALL_H_

#include <string_view>

namespace evalrun::cli {

// Writes `bytes` to `fd`, unbuffered. Returns 0, or the errno, which is also in errno. A signal
// does not end it.
[[nodiscard]] int WriteAll(int fd, std::string_view bytes);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_WRITE_ALL_H_
