// SPDX-License-Identifier: Apache-2.0
//
// File: standard_output.h
//
// Standard output, which may be a pipe whose reader exits. SIGPIPE must be ignored.
#ifndef EVALRUN_SERVICE_CLI_STANDARD_OUTPUT_H_
#define EVALRUN_SERVICE_CLI_STANDARD_OUTPUT_H_

#include <cerrno>
#include <string>
#include <string_view>

namespace evalrun::cli {

class StandardOutput {
 public:
  // Writes immediately, without a buffer. Once a write has failed, does nothing and returns false.
  bool Write(std::string_view text);

  // Whether no write has failed.
  [[nodiscard]] bool ok() const { return error_ == 0; }

  // Whether the write failed because standard output is a pipe without a reader.
  [[nodiscard]] bool reader_has_gone() const { return error_ == EPIPE; }

  // The error of the failed write, as a sentence without its full stop; empty if none failed.
  [[nodiscard]] std::string Error() const;

 private:
  int error_ = 0;  // errno
};

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_STANDARD_OUTPUT_H_
