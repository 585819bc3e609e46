// SPDX-License-Identifier: Apache-2.0
//
// File: eval_run_table.h
//
// The tables of eval runs and of the journal of deletions. Callers provide the connection and, for
// writes, the transaction.
#ifndef EVALRUN_REST_BACKEND_SERVER_EVAL_RUN_TABLE_H_
#define EVALRUN_REST_BACKEND_SERVER_EVAL_RUN_TABLE_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "rest_backend/server/records.h"
#include "rest_backend/server/sqlite.h"

namespace evalrun::backend {

[[nodiscard]] absl::Status CreateEvalRunTables(Database& database);

// Returns false, and changes nothing, if the id exists already, in any workspace.
[[nodiscard]] absl::StatusOr<bool> InsertEvalRun(Database& database, const EvalRun& run);

// Whether a run of this id was ever deleted.
[[nodiscard]] absl::StatusOr<bool> WasDeleted(Database& database, std::string_view eval_run_uuid);

[[nodiscard]] absl::StatusOr<std::optional<EvalRun>> FindEvalRun(Database& database,
                                                                 std::string_view eval_run_uuid,
                                                                 std::string_view workspace_uuid);

// Newest first; runs with the same time are ordered by id.
[[nodiscard]] absl::StatusOr<EvalRunPage> ListEvalRuns(Database& database,
                                                       const EvalRunFilter& filter);

// Deletes the run if it exists and is not being processed. Records the request and its outcome in
// the journal.
[[nodiscard]] absl::StatusOr<DeletionOutcome> DeleteEvalRun(Database& database,
                                                            const Deletion& deletion);

// The journal's rows with an id above `after`, oldest first, at most `limit`.
[[nodiscard]] absl::StatusOr<std::vector<JournalRow>> ReadJournal(Database& database,
                                                                  std::int64_t after,
                                                                  std::int64_t limit);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_EVAL_RUN_TABLE_H_
