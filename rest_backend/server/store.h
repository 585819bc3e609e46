// File: store.h
//
// The backend's memory: one SQLite file. Reads see every write that has returned.
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

// Thread-safe. An error is always SQLite's (disk, file format): the write then did not happen.
// A write that returned OK survives the end of the process and of the machine.
class Store {
 public:
  // Opens or creates `file` and its tables.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& file);

  // All of the seed or nothing. Organizations, workspaces and keys are brought up to date; a run
  // is added unless it is there or was deleted once: a restart does not bring it back.
  [[nodiscard]] absl::Status Load(const Seed& seed);

  [[nodiscard]] absl::StatusOr<std::optional<ApiKey>> FindApiKey(std::string_view secret);
  [[nodiscard]] absl::StatusOr<bool> HasWorkspace(std::string_view organization_uuid,
                                                  std::string_view workspace_uuid);

  [[nodiscard]] absl::StatusOr<std::optional<EvalRun>> FindEvalRun(std::string_view eval_run_uuid,
                                                                   std::string_view workspace_uuid);
  [[nodiscard]] absl::StatusOr<EvalRunPage> ListEvalRuns(const EvalRunFilter& filter);

  // False: the id is taken.
  [[nodiscard]] absl::StatusOr<bool> CreateEvalRun(const EvalRun& run);
  // Of any number of concurrent deletions of one run exactly one is kDeleted.
  [[nodiscard]] absl::StatusOr<DeletionOutcome> DeleteEvalRun(const Deletion& deletion);

  // The journal's rows with an id above `after`, the oldest first, `limit` at most.
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
