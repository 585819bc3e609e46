// SPDX-License-Identifier: Apache-2.0
//
// File: records.h
//
// The backend's data as plain values. Every id is in canonical form: deletion::CanonicalId.
#ifndef EVALRUN_REST_BACKEND_SERVER_RECORDS_H_
#define EVALRUN_REST_BACKEND_SERVER_RECORDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rest_backend/server/timestamp.h"

namespace evalrun::backend {

struct Organization {
  std::string uuid;
  std::string name;
  bool deleted = false;  // its keys still authenticate, but get 404 for the organization
};

struct Workspace {
  std::string uuid;
  std::string organization_uuid;
  std::string name;
};

// What a key may do: a bit mask.
enum Permission : std::int64_t { kMayRead = 1, kMayCreate = 2, kMayDelete = 4 };
inline constexpr std::int64_t kMayEverything = kMayRead | kMayCreate | kMayDelete;

// An API key without its secret, of which only a hash is stored.
struct ApiKey {
  std::string name;  // its name in logs and in the journal
  std::string organization_uuid;
  std::string workspace_uuid;  // the default when a request names no workspace
  std::int64_t permissions = kMayEverything;
  std::optional<UnixMillis> expires_at;
  std::optional<std::int64_t> requests_per_minute;
  bool organization_deleted = false;  // set when read from the database
};

// An API key to be stored, with its secret.
struct NewApiKey {
  std::string secret;
  ApiKey key;
};

struct EvalRun {
  std::string uuid;
  std::string workspace_uuid;
  std::string eval_uuid;
  std::string status;  // created, processing, finished or failed
  std::optional<std::string> name;
  std::optional<std::string> ai_description;
  bool is_sandbox = false;
  UnixMillis created_at = 0;
  UnixMillis updated_at = 0;
  std::string responses = "[]";                  // a JSON array of ScoredResponse
  std::optional<std::string> eval_run_examples;  // a JSON array of EvalRunExample
};

// Selects the runs of a list. Without a workspace, the list includes all workspaces of the
// organization.
struct EvalRunFilter {
  std::string organization_uuid;
  std::optional<std::string> workspace_uuid;
  std::optional<std::string> eval_uuid;
  std::int64_t limit = 0;
  std::int64_t offset = 0;
};

struct EvalRunPage {
  std::vector<EvalRun> items;
  std::int64_t count = 0;  // of all matching runs, not only of this page
};

// A request to delete a run.
struct Deletion {
  std::string eval_run_uuid;
  std::string workspace_uuid;
  std::string key_name;
  std::string request_id;
  UnixMillis at = 0;
};

// The journal's record of such a request.
struct JournalRow {
  std::int64_t id = 0;  // increases with time
  Deletion deletion;
  std::string outcome;  // deleted, not_found or still_processing
};

enum class DeletionOutcome { kDeleted, kNotFound, kStillProcessing };

// The contents of a seed file.
struct Seed {
  std::vector<Organization> organizations;
  std::vector<Workspace> workspaces;
  std::vector<NewApiKey> api_keys;
  std::vector<EvalRun> eval_runs;
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_RECORDS_H_
