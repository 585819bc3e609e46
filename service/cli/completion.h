// SPDX-License-Identifier: Apache-2.0
//
// File: completion.h
//
// Completion scripts for commands, flags and file names, generated from the manual. Pure.
#ifndef EVALRUN_SERVICE_CLI_COMPLETION_H_
#define EVALRUN_SERVICE_CLI_COMPLETION_H_

#include <string>
#include <string_view>

#include "service/cli/manual.h"

namespace evalrun::cli {

// `shell`: bash, zsh or fish. Returns a script for the shell to source; empty for any other shell.
[[nodiscard]] std::string CompletionScript(const Manual& manual, std::string_view shell);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_COMPLETION_H_
