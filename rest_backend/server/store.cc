// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/store.h"

#include <utility>

#include "rest_backend/server/eval_run_table.h"
#include "rest_backend/server/key_table.h"

namespace evalrun::backend {
namespace {

absl::Status AddSeedRun(Database& database, const EvalRun& run) {
  const absl::StatusOr<bool> deleted = WasDeleted(database, run.uuid);
  if (!deleted.ok() || *deleted) return deleted.status();
  return InsertEvalRun(database, run).status();
}

absl::Status WriteSeed(Database& database, const Seed& seed) {
  absl::Status status;
  for (const Organization& organization : seed.organizations) {
    status.Update(PutOrganization(database, organization));
  }
  for (const Workspace& workspace : seed.workspaces) {
    status.Update(PutWorkspace(database, workspace));
  }
  for (const NewApiKey& api_key : seed.api_keys) status.Update(PutApiKey(database, api_key));
  for (const EvalRun& run : seed.eval_runs) status.Update(AddSeedRun(database, run));
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& file) {
  absl::StatusOr<Database> writer = Database::Open(file);
  if (!writer.ok()) return writer.status();
  absl::Status tables = CreateKeyTables(*writer);
  tables.Update(CreateEvalRunTables(*writer));
  if (!tables.ok()) return tables;
  absl::StatusOr<Database> reader = Database::Open(file);
  if (!reader.ok()) return reader.status();
  return std::unique_ptr<Store>(new Store(*std::move(reader), *std::move(writer)));
}

Store::Store(Database reader, Database writer)
    : reader_(std::move(reader)), writes_(std::move(writer)) {}

absl::Status Store::Load(const Seed& seed) {
  return writes_.Run([&](Database& database) { return WriteSeed(database, seed); });
}

absl::StatusOr<std::optional<ApiKey>> Store::FindApiKey(std::string_view secret) {
  const std::lock_guard lock(reader_mutex_);
  return backend::FindApiKey(reader_, secret);
}

absl::StatusOr<bool> Store::HasWorkspace(std::string_view organization_uuid,
                                         std::string_view workspace_uuid) {
  const std::lock_guard lock(reader_mutex_);
  return backend::HasWorkspace(reader_, organization_uuid, workspace_uuid);
}

absl::StatusOr<std::optional<EvalRun>> Store::FindEvalRun(std::string_view eval_run_uuid,
                                                          std::string_view workspace_uuid) {
  const std::lock_guard lock(reader_mutex_);
  return backend::FindEvalRun(reader_, eval_run_uuid, workspace_uuid);
}

absl::StatusOr<EvalRunPage> Store::ListEvalRuns(const EvalRunFilter& filter) {
  const std::lock_guard lock(reader_mutex_);
  // One transaction, so that the count and the page are from the same snapshot.
  if (absl::Status begun = reader_.Execute("BEGIN"); !begun.ok()) return begun;
  absl::StatusOr<EvalRunPage> page = backend::ListEvalRuns(reader_, filter);
  if (absl::Status ended = reader_.Execute("COMMIT"); !ended.ok()) return ended;
  return page;
}

absl::StatusOr<bool> Store::CreateEvalRun(const EvalRun& run) {
  absl::StatusOr<bool> created = false;
  const absl::Status committed = writes_.Run([&](Database& database) {
    created = InsertEvalRun(database, run);
    return created.status();
  });
  if (!committed.ok()) return committed;
  return created;
}

absl::StatusOr<DeletionOutcome> Store::DeleteEvalRun(const Deletion& deletion) {
  absl::StatusOr<DeletionOutcome> outcome = DeletionOutcome::kNotFound;
  const absl::Status committed = writes_.Run([&](Database& database) {
    outcome = backend::DeleteEvalRun(database, deletion);
    return outcome.status();
  });
  if (!committed.ok()) return committed;
  return outcome;
}

absl::StatusOr<std::vector<JournalRow>> Store::ReadJournal(std::int64_t after, std::int64_t limit) {
  const std::lock_guard lock(reader_mutex_);
  return backend::ReadJournal(reader_, after, limit);
}

}  // namespace evalrun::backend
