// SPDX-License-Identifier: Apache-2.0
//
// File: delete_command.h
//
// Runs `evalrunctl delete`, from reading the ids to the exit status.
#ifndef EVALRUN_SERVICE_CLI_DELETE_COMMAND_H_
#define EVALRUN_SERVICE_CLI_DELETE_COMMAND_H_

#include "service/cli/command_line.h"

namespace evalrun::cli {

// Uses standard input, output and error, the network and the files that the command names. SIGPIPE
// must be ignored. Returns the exit status.
[[nodiscard]] int RunDelete(const DeleteCommand& command);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_DELETE_COMMAND_H_
