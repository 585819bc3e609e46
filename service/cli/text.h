// File: text.h
//
// Text that others wrote, made safe for a terminal or for a shell.
#ifndef EVALRUN_SERVICE_CLI_TEXT_H_
#define EVALRUN_SERVICE_CLI_TEXT_H_

#include <string>
#include <string_view>

namespace evalrun::cli {

// `text` with everything that is not a printable character of well-formed UTF-8 replaced by
// escapes such as `\x1b`.
[[nodiscard]] std::string Printable(std::string_view text);

// One argument of a command, as a POSIX shell reads it back.
[[nodiscard]] std::string ShellQuote(std::string_view argument);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_TEXT_H_
