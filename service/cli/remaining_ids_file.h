// SPDX-License-Identifier: Apache-2.0
//
// File: remaining_ids_file.h
//
// Saves ids to a new file for a later command.
#ifndef EVALRUN_SERVICE_CLI_REMAINING_IDS_FILE_H_
#define EVALRUN_SERVICE_CLI_REMAINING_IDS_FILE_H_

#include <optional>
#include <string>
#include <vector>

namespace evalrun::cli {

// Writes one id per line to a new file `evalrunctl-KIND-N.txt` in the current directory, and
// returns its name, or nullopt when it cannot be written. Never overwrites an existing file.
[[nodiscard]] std::optional<std::string> SaveRemainingIds(const std::string& kind,
                                                          const std::vector<std::string>& ids);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_REMAINING_IDS_FILE_H_
