// SPDX-License-Identifier: Apache-2.0
//
// File: render.h
//
// Formats a DeleteResult as text and as JSON. Pure.
#ifndef EVALRUN_SERVICE_CLI_RENDER_H_
#define EVALRUN_SERVICE_CLI_RENDER_H_

#include <string>
#include <vector>

#include "service/cli/delete_result.h"

namespace evalrun::cli {

// Lines for the user, each ending with a newline: what happened and, unless it succeeded, every
// detail of the response and what to do next. Text from the server is escaped, so that it cannot
// control the terminal.
[[nodiscard]] std::string RenderText(const DeleteResult& report);

// One JSON object on one line without a newline, in ASCII. All keys are always present; fields that
// the response did not include are null.
[[nodiscard]] std::string RenderJson(const DeleteResult& report);

// What to do next, in sentences. Empty when it succeeded.
[[nodiscard]] std::string Advice(const DeleteResult& report);

// Like Advice(), but without the command for an `unknown` outcome. May then be empty, or end with a
// blank.
[[nodiscard]] std::string Hint(const DeleteResult& report);

// The shell command that finds out whether the run is deleted: the same command with
// `--allow-missing`.
[[nodiscard]] std::string SettlingCommand(const DeleteResult& report);

// A shell command that deletes `ids` with the options of `request`: `evalrunctl delete`, and the
// flags that differ from the defaults. The id in `request` is ignored.
[[nodiscard]] std::string DeleteCommandLine(const Connection& connection,
                                            const DeleteRequest& request,
                                            const std::vector<std::string>& ids);

// `UNAVAILABLE`; `CODE_42` for a code that gRPC does not define.
[[nodiscard]] std::string CodeName(absl::StatusCode code);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_RENDER_H_
