// SPDX-License-Identifier: Apache-2.0
//
// File: man_page.h
//
// Generates evalrunctl.1 from the manual. Pure.
#ifndef EVALRUN_SERVICE_CLI_MAN_PAGE_H_
#define EVALRUN_SERVICE_CLI_MAN_PAGE_H_

#include <string>

#include "service/cli/manual.h"

namespace evalrun::cli {

// Uses the man(7) macros. Contains no date or version, so that it changes only when its content
// does.
[[nodiscard]] std::string ManPage(const Manual& manual);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_MAN_PAGE_H_
