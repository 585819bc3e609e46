// File: remaining_ids_file.h
//
// Ids for a later command, in a file of their own.
#ifndef EVALRUN_SERVICE_CLI_REMAINING_IDS_FILE_H_
#define EVALRUN_SERVICE_CLI_REMAINING_IDS_FILE_H_

#include <optional>
#include <string>
#include <vector>

namespace evalrun::cli {

// Writes one id a line to a new file `evalrunctl-KIND-N.txt` in the current directory, and returns
// its name. Never touches a file that is there. Nothing when it cannot be written.
[[nodiscard]] std::optional<std::string> SaveRemainingIds(const std::string& kind,
                                                          const std::vector<std::string>& ids);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_REMAINING_IDS_FILE_H_
