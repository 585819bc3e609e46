// SPDX-License-Identifier: Apache-2.0
//
// File: protected_runs.h
//
// The file `protected_runs_file`: one id a line. Empty lines, and the rest of a line after a `#`,
// are ignored.
#ifndef EVALRUN_SERVICE_CONFIG_PROTECTED_RUNS_H_
#define EVALRUN_SERVICE_CONFIG_PROTECTED_RUNS_H_

#include <cstddef>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "service/authz/protected_runs.h"

namespace evalrun::config {

inline constexpr std::size_t kMaxProtectedRunsBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMaxProtectedRuns = 1'000'000;

// Reads the file as ReadFile() does, but takes no more memory than its size needs.
[[nodiscard]] absl::StatusOr<std::string> ReadProtectedRuns(const std::string& path);

// Pure. `opaque_ids`: `ids.opaque`. The error names the file and the line. A file that is empty, or
// whose last line has no newline, may still be being written, and is an error.
[[nodiscard]] absl::StatusOr<authz::ProtectedRuns> ParseProtectedRuns(std::string_view text,
                                                                      const std::string& path,
                                                                      bool opaque_ids);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_PROTECTED_RUNS_H_
