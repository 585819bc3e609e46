// SPDX-License-Identifier: Apache-2.0
//
// File: list_file.h
//
// Lines of text files that may have been written or edited on Windows. Pure.
#ifndef EVALRUN_SERVICE_CLI_LIST_FILE_H_
#define EVALRUN_SERVICE_CLI_LIST_FILE_H_

#include <string_view>

namespace evalrun::cli {

// Whether `text` is in UTF-16, with or without a byte order mark: as ASCII it would have NULs.
[[nodiscard]] bool IsUtf16(std::string_view text);

// What to do about it: a sentence without its full stop.
inline constexpr std::string_view kUtf16Advice =
    "it is UTF-16 text, which PowerShell's > writes: save it as UTF-8, for example with "
    "'| Out-File -Encoding utf8'";

// Removes UTF-8's byte order mark.
void RemoveByteOrderMark(std::string_view* text);

// Removes the first line from `text`, and returns it without its newline and the CR before that.
// The last line need not end with a newline.
[[nodiscard]] std::string_view ConsumeLine(std::string_view* text);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_LIST_FILE_H_
