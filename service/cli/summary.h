// SPDX-License-Identifier: Apache-2.0
//
// File: summary.h
//
// The summary at the end of a deletion of many runs. Pure, except for what `save` does.
#ifndef EVALRUN_SERVICE_CLI_SUMMARY_H_
#define EVALRUN_SERVICE_CLI_SUMMARY_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "service/cli/delete_result.h"
#include "service/cli/run_deletes.h"
#include "service/cli/tally.h"

namespace evalrun::cli {

struct SummaryFacts {
  const std::vector<std::string>* ids = nullptr;  // those that were to be sent
  std::size_t gone_before = 0;    // skipped, because the done-file lists them as done
  std::size_t duplicates = 0;     // skipped
  std::vector<std::size_t> left;  // indices of those that were not sent
  StopInfo end;
  std::string stop_detail;  // for kOutputClosed: the error
  Connection connection;
  DeleteRequest request;  // without the id
  std::string done_file;  // empty: none
};

// Writes ids to a file of the given kind (`unknown`, `failed`, `left`) for a later command, and
// returns its name, or nullopt when that fails.
using SaveIds = std::function<std::optional<std::string>(const std::string& kind,
                                                         const std::vector<std::string>& ids)>;

// Lines for the user: the counts by outcome, what failed and why, the `unknown` ids with the
// command that resolves them, and how to resume with the ids that are left. More than twenty ids
// are saved to a file instead of being listed.
[[nodiscard]] std::string RenderSummary(const SummaryFacts& facts, const Tally& tally,
                                        const SaveIds& save);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_SUMMARY_H_
