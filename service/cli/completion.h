// File: completion.h
//
// Scripts that let a shell complete commands, flags and file names, made from the manual. Pure.
#ifndef EVALRUN_SERVICE_CLI_COMPLETION_H_
#define EVALRUN_SERVICE_CLI_COMPLETION_H_

#include <string>
#include <string_view>

#include "service/cli/manual.h"

namespace evalrun::cli {

// `shell`: bash, zsh or fish; empty for any other. The script is to be sourced.
[[nodiscard]] std::string CompletionScript(const Manual& manual, std::string_view shell);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_COMPLETION_H_
