// SPDX-License-Identifier: Apache-2.0
//
// File: append_target.h
//
// Whether a file could be opened for appending, without opening or creating it.
#ifndef EVALRUN_SERVICE_CONFIG_APPEND_TARGET_H_
#define EVALRUN_SERVICE_CONFIG_APPEND_TARGET_H_

#include <string>

#include <absl/status/status.h>

namespace evalrun::config {

// Checks that `path` is a regular file that this process may write, or does not exist in a folder
// in which it may create one. The error is for people, and does not name the path.
[[nodiscard]] absl::Status CheckAppendTarget(const std::string& path);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_APPEND_TARGET_H_
