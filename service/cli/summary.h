// File: summary.h
//
// What is said at the end of a deletion of many runs. Pure, but for what `save` does.
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
  std::size_t gone_before = 0;                    // left out, for the done-file says that they are
  std::size_t duplicates = 0;                     // left out
  std::vector<std::size_t> left;                  // indices of those that were not sent
  StopInfo end;
  std::string stop_detail;  // of kOutputClosed: what went wrong
  Connection connection;
  DeleteRequest request;  // but for the id
  std::string done_file;  // empty: none
};

// Writes ids to a file of this kind (`unknown`, `failed`, `left`) for a later command to read, and
// returns its name; nothing when it cannot.
using SaveIds = std::function<std::optional<std::string>(const std::string& kind,
                                                         const std::vector<std::string>& ids)>;

// Lines for a person: the counts by outcome, what failed and why, the `unknown` ones and the
// command that settles them, and how to go on with what is left. More than twenty ids are not
// listed but saved.
[[nodiscard]] std::string RenderSummary(const SummaryFacts& facts, const Tally& tally,
                                        const SaveIds& save);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_SUMMARY_H_
