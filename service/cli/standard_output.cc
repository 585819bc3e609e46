// SPDX-License-Identifier: Apache-2.0

#include "service/cli/standard_output.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "service/cli/write_all.h"

namespace evalrun::cli {

bool StandardOutput::Write(std::string_view text) {
  if (error_ == 0) error_ = WriteAll(STDOUT_FILENO, text);
  return error_ == 0;
}

std::string StandardOutput::Error() const {
  if (error_ == 0) return "";
  if (error_ == EPIPE) return "the reader of standard output has closed it";
  return fmt::format("cannot write to standard output: {}",
                     std::generic_category().message(error_));
}

}  // namespace evalrun::cli
