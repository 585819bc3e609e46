// SPDX-License-Identifier: Apache-2.0
//
// File: store.h
//
// The backend's data store: one SQLite file. Reads see every write that has returned.
#ifndef EVALRUN_REST_BACKEND_SERVER_STORE_H_
#define EVALRUN_REST_BACKEND_SERVER_STORE_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "rest_backend/server/group_commit.h"
#include "rest_backend/server/records.h"
#include "rest_backend/server/sqlite.h"

namespace evalrun::backend {

// Thread-safe. Errors are always SQLite's (disk, file format); a write that returned an error did
// not happen. A write that returned OK survives a crash of the process or of the machine.
class Store {
 public:
  // Opens or creates `file` and its tables.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& file);

  // Loads all of the seed or nothing. Organizations, workspaces and keys are inserted or updated; a
  // run is inserted unless it exists or was deleted before, so that a restart does not restore it.
  [[nodiscard]] absl::Status Load(const Seed& seed);

  [[nodiscard]] absl::StatusOr<std::optional<ApiKey>> FindApiKey(std::string_view secret);
  [[nodiscard]] absl::StatusOr<bool> HasWorkspace(std::string_view organization_uuid,
                                                  std::string_view workspace_uuid);

  [[nodiscard]] absl::StatusOr<std::optional<EvalRun>> FindEvalRun(std::string_view eval_run_uuid,
                                                                   std::string_view workspace_uuid);
  [[nodiscard]] absl::StatusOr<EvalRunPage> ListEvalRuns(const EvalRunFilter& filter);

  // Returns false if the id exists already.
  [[nodiscard]] absl::StatusOr<bool> CreateEvalRun(const EvalRun& run);
  // Of any number of concurrent deletions of a run, exactly one returns kDeleted.
  [[nodiscard]] absl::StatusOr<DeletionOutcome> DeleteEvalRun(const Deletion& deletion);

  // The journal's rows with an id above `after`, oldest first, at most `limit`.
  [[nodiscard]] absl::StatusOr<std::vector<JournalRow>> ReadJournal(std::int64_t after,
                                                                    std::int64_t limit);

 private:
  Store(Database reader, Database writer);

  std::mutex reader_mutex_;
  Database reader_;
  GroupCommit writes_;
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_STORE_H_
