// SPDX-License-Identifier: Apache-2.0
//
// File: text.h
//
// Makes untrusted text safe for a terminal or a shell.
#ifndef EVALRUN_SERVICE_CLI_TEXT_H_
#define EVALRUN_SERVICE_CLI_TEXT_H_

#include <string>
#include <string_view>

namespace evalrun::cli {

// `text` with everything except printable characters in well-formed UTF-8 replaced by escapes such
// as `\x1b`.
[[nodiscard]] std::string Printable(std::string_view text);

// Quotes `argument` for a POSIX shell.
[[nodiscard]] std::string ShellQuote(std::string_view argument);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_TEXT_H_
