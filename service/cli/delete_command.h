// File: delete_command.h
//
// `evalrunctl delete`, from the list of ids to the exit status.
#ifndef EVALRUN_SERVICE_CLI_DELETE_COMMAND_H_
#define EVALRUN_SERVICE_CLI_DELETE_COMMAND_H_

#include "service/cli/command_line.h"

namespace evalrun::cli {

// Carries it out, with standard input, output and error, the network and the files that are named.
// SIGPIPE has to be ignored. Returns the exit status.
[[nodiscard]] int RunDelete(const DeleteCommand& command);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_DELETE_COMMAND_H_
