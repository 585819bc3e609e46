// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/eval_run_table.h"

#include <string>
#include <utility>

namespace evalrun::backend {
namespace {

constexpr std::string_view kProcessing = "processing";

// The columns of every SELECT below, in the order that ReadEvalRun expects.
#define EVALRUN_COLUMNS                                                         \
  "r.uuid, r.workspace_uuid, r.eval_uuid, r.status, r.name, r.ai_description, " \
  "r.is_sandbox, r.created_at, r.updated_at, r.responses, r.eval_run_examples"
// ?1 organization, ?2 workspace or NULL, ?3 eval or NULL.
#define EVALRUN_FILTER                                                        \
  "FROM eval_runs r JOIN workspaces w ON w.uuid = r.workspace_uuid "          \
  "WHERE w.organization_uuid = ?1 AND (?2 IS NULL OR r.workspace_uuid = ?2) " \
  "AND (?3 IS NULL OR r.eval_uuid = ?3)"

EvalRun ReadEvalRun(const Statement& row) {
  EvalRun run;
  run.uuid = row.Text(0);
  run.workspace_uuid = row.Text(1);
  run.eval_uuid = row.Text(2);
  run.status = row.Text(3);
  run.name = row.OptionalText(4);
  run.ai_description = row.OptionalText(5);
  run.is_sandbox = row.Integer(6) != 0;
  run.created_at = row.Integer(7);
  run.updated_at = row.Integer(8);
  run.responses = row.Text(9);
  run.eval_run_examples = row.OptionalText(10);
  return run;
}

std::string_view ToJournalOutcome(DeletionOutcome outcome) {
  switch (outcome) {
    case DeletionOutcome::kDeleted:
      return "deleted";
    case DeletionOutcome::kNotFound:
      return "not_found";
    case DeletionOutcome::kStillProcessing:
      return "still_processing";
  }
  return "";
}

absl::StatusOr<DeletionOutcome> DeleteRow(Database& database, const Deletion& deletion) {
  auto removal = database.Prepare(
      "DELETE FROM eval_runs WHERE uuid = ?1 AND workspace_uuid = ?2 AND status <> ?3");
  if (!removal.ok()) return removal.status();
  const absl::Status removed =
      (*removal)->Bind(deletion.eval_run_uuid, deletion.workspace_uuid, kProcessing).Execute();
  if (!removed.ok()) return removed;
  if (database.changes() > 0) return DeletionOutcome::kDeleted;

  const auto run = FindEvalRun(database, deletion.eval_run_uuid, deletion.workspace_uuid);
  if (!run.ok()) return run.status();
  return run->has_value() ? DeletionOutcome::kStillProcessing : DeletionOutcome::kNotFound;
}

}  // namespace

absl::Status CreateEvalRunTables(Database& database) {
  return database.Execute(R"sql(
    CREATE TABLE IF NOT EXISTS eval_runs (
      uuid TEXT PRIMARY KEY, workspace_uuid TEXT NOT NULL REFERENCES workspaces,
      eval_uuid TEXT NOT NULL,
      status TEXT NOT NULL CHECK (status IN ('created', 'processing', 'finished', 'failed')),
      name TEXT, ai_description TEXT, is_sandbox INTEGER NOT NULL, created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL, responses TEXT NOT NULL, eval_run_examples TEXT);
    CREATE INDEX IF NOT EXISTS eval_runs_of_workspace
      ON eval_runs (workspace_uuid, created_at DESC, uuid);
    CREATE TABLE IF NOT EXISTS journal (
      id INTEGER PRIMARY KEY AUTOINCREMENT, eval_run_uuid TEXT NOT NULL,
      workspace_uuid TEXT NOT NULL, key_name TEXT NOT NULL, request_id TEXT NOT NULL,
      at INTEGER NOT NULL, outcome TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS journal_of_eval_run ON journal (eval_run_uuid, outcome);
  )sql");
}

absl::StatusOr<bool> InsertEvalRun(Database& database, const EvalRun& run) {
  auto statement = database.Prepare(
      "INSERT INTO eval_runs (uuid, workspace_uuid, eval_uuid, status, name, ai_description, "
      "is_sandbox, created_at, updated_at, responses, eval_run_examples) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (uuid) DO NOTHING");
  if (!statement.ok()) return statement.status();
  const absl::Status inserted =
      (*statement)
          ->Bind(run.uuid, run.workspace_uuid, run.eval_uuid, run.status, run.name,
                 run.ai_description, run.is_sandbox, run.created_at, run.updated_at, run.responses,
                 run.eval_run_examples)
          .Execute();
  if (!inserted.ok()) return inserted;
  return database.changes() > 0;
}

absl::StatusOr<bool> WasDeleted(Database& database, std::string_view eval_run_uuid) {
  auto statement =
      database.Prepare("SELECT 1 FROM journal WHERE eval_run_uuid = ?1 AND outcome = ?2 LIMIT 1");
  if (!statement.ok()) return statement.status();
  return (*statement)->Bind(eval_run_uuid, ToJournalOutcome(DeletionOutcome::kDeleted)).Step();
}

absl::StatusOr<std::optional<EvalRun>> FindEvalRun(Database& database,
                                                   std::string_view eval_run_uuid,
                                                   std::string_view workspace_uuid) {
  auto statement = database.Prepare("SELECT " EVALRUN_COLUMNS
                                    " FROM eval_runs r WHERE uuid = ?1 AND workspace_uuid = ?2");
  if (!statement.ok()) return statement.status();
  Statement& row = (*statement)->Bind(eval_run_uuid, workspace_uuid);
  const absl::StatusOr<bool> found = row.Step();
  if (!found.ok()) return found.status();
  if (!*found) return std::nullopt;
  return ReadEvalRun(row);
}

absl::StatusOr<EvalRunPage> ListEvalRuns(Database& database, const EvalRunFilter& filter) {
  EvalRunPage page;
  auto count = database.Prepare("SELECT COUNT(*) " EVALRUN_FILTER);
  if (!count.ok()) return count.status();
  (*count)->Bind(filter.organization_uuid, filter.workspace_uuid, filter.eval_uuid);
  const absl::StatusOr<bool> counted = (*count)->Step();
  if (!counted.ok()) return counted.status();
  page.count = (*count)->Integer(0);

  auto rows = database.Prepare("SELECT " EVALRUN_COLUMNS " " EVALRUN_FILTER
                               " ORDER BY r.created_at DESC, r.uuid LIMIT ?4 OFFSET ?5");
  if (!rows.ok()) return rows.status();
  (*rows)->Bind(filter.organization_uuid, filter.workspace_uuid, filter.eval_uuid, filter.limit,
                filter.offset);
  for (;;) {
    const absl::StatusOr<bool> row = (*rows)->Step();
    if (!row.ok()) return row.status();
    if (!*row) return page;
    page.items.push_back(ReadEvalRun(**rows));
  }
}

absl::StatusOr<DeletionOutcome> DeleteEvalRun(Database& database, const Deletion& deletion) {
  absl::StatusOr<DeletionOutcome> outcome = DeleteRow(database, deletion);
  if (!outcome.ok()) return outcome;
  auto entry = database.Prepare(
      "INSERT INTO journal (eval_run_uuid, workspace_uuid, key_name, request_id, at, outcome) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  if (!entry.ok()) return entry.status();
  absl::Status written =
      (*entry)
          ->Bind(deletion.eval_run_uuid, deletion.workspace_uuid, deletion.key_name,
                 deletion.request_id, deletion.at, ToJournalOutcome(*outcome))
          .Execute();
  if (!written.ok()) return written;
  return outcome;
}

absl::StatusOr<std::vector<JournalRow>> ReadJournal(Database& database, std::int64_t after,
                                                    std::int64_t limit) {
  auto statement = database.Prepare(
      "SELECT id, eval_run_uuid, workspace_uuid, key_name, request_id, at, outcome FROM journal "
      "WHERE id > ?1 ORDER BY id LIMIT ?2");
  if (!statement.ok()) return statement.status();
  Statement& row = (*statement)->Bind(after, limit);
  std::vector<JournalRow> rows;
  for (;;) {
    const absl::StatusOr<bool> found = row.Step();
    if (!found.ok()) return found.status();
    if (!*found) return rows;
    rows.push_back({.id = row.Integer(0),
                    .deletion = {.eval_run_uuid = row.Text(1),
                                 .workspace_uuid = row.Text(2),
                                 .key_name = row.Text(3),
                                 .request_id = row.Text(4),
                                 .at = row.Integer(5)},
                    .outcome = row.Text(6)});
  }
}

}  // namespace evalrun::backend
