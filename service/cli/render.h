// File: render.h
//
// A DeleteResult for a person and for a program. Pure: text in, text out.
#ifndef EVALRUN_SERVICE_CLI_RENDER_H_
#define EVALRUN_SERVICE_CLI_RENDER_H_

#include <string>
#include <vector>

#include "service/cli/delete_result.h"

namespace evalrun::cli {

// Lines for a person, each ended by a newline: what happened and, unless the run is gone, every
// detail of the answer and what to do next. What a server said cannot move the cursor or colour
// the terminal.
[[nodiscard]] std::string RenderText(const DeleteResult& report);

// One JSON object in one line without a newline, in ASCII. All keys are always there; what the
// answer did not say is null.
[[nodiscard]] std::string RenderJson(const DeleteResult& report);

// What to do next, in sentences. Empty when the run is gone.
[[nodiscard]] std::string Advice(const DeleteResult& report);

// The same without the command that settles an `unknown` one; then it may be empty, or end with a
// blank.
[[nodiscard]] std::string Hint(const DeleteResult& report);

// The command that settles whether the run is gone, to be typed in a shell: the same one, with
// `--allow-missing`.
[[nodiscard]] std::string SettlingCommand(const DeleteResult& report);

// A command to be typed in a shell that deletes as `request` says, but for the id: `evalrunctl
// delete` and the flags, as far as they are not the defaults. `ids`: those that it is for.
[[nodiscard]] std::string DeleteCommandLine(const Connection& connection,
                                            const DeleteRequest& request,
                                            const std::vector<std::string>& ids);

// `UNAVAILABLE`, and `CODE_42` for a code that gRPC does not have.
[[nodiscard]] std::string CodeName(absl::StatusCode code);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_RENDER_H_
