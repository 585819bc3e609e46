// SPDX-License-Identifier: Apache-2.0
//
// File: help_text.h
//
// The text that `--help` prints. Pure.
#ifndef EVALRUN_SERVICE_CLI_HELP_TEXT_H_
#define EVALRUN_SERVICE_CLI_HELP_TEXT_H_

#include <string>
#include <string_view>

#include "service/cli/manual.h"

namespace evalrun::cli {

// Formatted for 80 columns. `command`: empty for the program as a whole.
[[nodiscard]] std::string HelpText(const Manual& manual, std::string_view command);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_HELP_TEXT_H_
