// File: man_page.h
//
// evalrunctl.1, made from the manual. Pure.
#ifndef EVALRUN_SERVICE_CLI_MAN_PAGE_H_
#define EVALRUN_SERVICE_CLI_MAN_PAGE_H_

#include <string>

#include "service/cli/manual.h"

namespace evalrun::cli {

// In the man(7) macros. It has neither a date nor a version, so that it changes only when what it
// says does.
[[nodiscard]] std::string ManPage(const Manual& manual);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_MAN_PAGE_H_
