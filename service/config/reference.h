// SPDX-License-Identifier: Apache-2.0
//
// File: reference.h
//
// Generates REFERENCE.md from the schema.
#ifndef EVALRUN_SERVICE_CONFIG_REFERENCE_H_
#define EVALRUN_SERVICE_CONFIG_REFERENCE_H_

#include <string>

namespace evalrun::config {

// Every setting with its YAML key, flag, variable, default, bounds and meaning, as Markdown.
[[nodiscard]] std::string ReferenceMarkdown();

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_REFERENCE_H_
