// File: render.h
//
// A DeleteReport for a person and for a program. Pure: text in, text out.
#ifndef EVALRUN_SERVICE_CLI_RENDER_H_
#define EVALRUN_SERVICE_CLI_RENDER_H_

#include <string>
#include <string_view>

#include "service/cli/delete_report.h"

namespace evalrun::cli {

// Lines for a person, each ended by a newline: what happened and, unless the run is gone, every
// detail of the answer and what to do next. What a server said cannot move the cursor or colour
// the terminal.
[[nodiscard]] std::string RenderText(const DeleteReport& report);

// One JSON object in one line without a newline, in ASCII. All keys are always there; what the
// answer did not say is null.
[[nodiscard]] std::string RenderJson(const DeleteReport& report);

// What to do next, in sentences. Empty when the run is gone.
[[nodiscard]] std::string Advice(const DeleteReport& report);

// The command that settles whether the run is gone, to be typed in a shell: the same one, with
// `--allow-missing`.
[[nodiscard]] std::string SettlingCommand(const DeleteReport& report);

// `text` with everything that is not a printable character of well-formed UTF-8 replaced by
// escapes such as `\x1b`.
[[nodiscard]] std::string Printable(std::string_view text);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_RENDER_H_
