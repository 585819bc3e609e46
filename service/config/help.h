// SPDX-License-Identifier: Apache-2.0
//
// File: help.h
//
// The text of `--help`.
#ifndef EVALRUN_SERVICE_CONFIG_HELP_H_
#define EVALRUN_SERVICE_CONFIG_HELP_H_

#include <string>
#include <string_view>

namespace evalrun::config {

// The usage, then every flag with its type, its default and the first sentence of its help.
[[nodiscard]] std::string HelpText(std::string_view program);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_HELP_H_
