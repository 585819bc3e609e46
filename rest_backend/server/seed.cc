// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/seed.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "rest_backend/server/field_reader.h"
#include "rest_backend/server/text.h"

namespace evalrun::backend {
namespace {

template <typename Records>
bool Contains(const Records& records, std::string_view uuid) {
  return std::ranges::any_of(records, [&](const auto& record) { return record.uuid == uuid; });
}

Organization ReadOrganization(FieldReader& fields) {
  Organization organization;
  organization.uuid = fields.RequiredId("organization_uuid");
  organization.name = fields.RequiredString("name");
  organization.deleted = fields.OptionalBool("deleted", false);
  return organization;
}

Workspace ReadWorkspace(FieldReader& fields, const Seed& seed) {
  Workspace workspace;
  workspace.uuid = fields.RequiredId("workspace_uuid");
  workspace.organization_uuid = fields.RequiredId("organization_uuid");
  workspace.name = fields.RequiredString("name");
  if (!Contains(seed.organizations, workspace.organization_uuid)) {
    fields.Reject("organization_uuid", "one of `organizations`");
  }
  return workspace;
}

std::int64_t ReadPermissions(FieldReader& fields) {
  const nlohmann::json& words = fields.OptionalArray("permissions");
  std::int64_t permissions = 0;
  for (const nlohmann::json& word : words) {
    if (word == "read") {
      permissions |= kMayRead;
    } else if (word == "create") {
      permissions |= kMayCreate;
    } else if (word == "delete") {
      permissions |= kMayDelete;
    } else {
      fields.Reject("permissions", "an array of `read`, `create`, `delete`");
    }
  }
  return words.empty() ? kMayEverything : permissions;
}

NewApiKey ReadApiKey(FieldReader& fields, const Seed& seed) {
  NewApiKey api_key;
  ApiKey& key = api_key.key;
  api_key.secret = fields.RequiredString("key");
  key.name = fields.RequiredString("name");
  key.organization_uuid = fields.RequiredId("organization_uuid");
  key.workspace_uuid = fields.RequiredId("workspace_uuid");
  key.permissions = ReadPermissions(fields);
  key.expires_at = fields.OptionalTimestamp("expires_at");
  key.requests_per_minute = fields.OptionalPositive("requests_per_minute");
  const bool own_workspace = std::ranges::any_of(seed.workspaces, [&](const Workspace& workspace) {
    return workspace.uuid == key.workspace_uuid &&
           workspace.organization_uuid == key.organization_uuid;
  });
  if (!own_workspace) {
    fields.Reject("workspace_uuid", "one of `workspaces`, of the key's own organization");
  }
  return api_key;
}

EvalRun ReadEvalRun(FieldReader& fields, const Seed& seed) {
  constexpr std::array<std::string_view, 4> kStatuses = {"created", "processing", "finished",
                                                         "failed"};
  EvalRun run;
  run.uuid = fields.RequiredId("eval_run_uuid");
  run.workspace_uuid = fields.RequiredId("workspace_uuid");
  run.eval_uuid = fields.RequiredId("eval_uuid");
  run.status = fields.OptionalString("status").value_or("finished");
  run.name = fields.OptionalString("name");
  run.ai_description = fields.OptionalString("ai_description");
  run.is_sandbox = fields.OptionalBool("is_sandbox", false);
  run.created_at = fields.OptionalTimestamp("created_at").value_or(Now());
  run.updated_at = fields.OptionalTimestamp("updated_at").value_or(run.created_at);
  if (std::ranges::find(kStatuses, run.status) == kStatuses.end()) {
    fields.Reject("status", "`created`, `processing`, `finished` or `failed`");
  }
  if (!Contains(seed.workspaces, run.workspace_uuid)) {
    fields.Reject("workspace_uuid", "one of `workspaces`");
  }
  return run;
}

// Reads every object of the array `name` with `read_one`; stops at the first problem.
template <typename Record, typename ReadOne>
std::optional<FieldProblem> ReadAll(FieldReader& file, const char* name,
                                    std::vector<Record>& records, ReadOne read_one) {
  const nlohmann::json& objects = file.OptionalArray(name);
  for (std::size_t i = 0; i < objects.size(); ++i) {
    FieldReader fields(objects[i], Concat(name, "[", std::to_string(i), "]"));
    records.push_back(read_one(fields));
    fields.RejectUnknownMembers();
    if (fields.problem()) return fields.problem();
  }
  return file.problem();
}

std::optional<FieldProblem> ReadFile(const nlohmann::json& json, Seed& seed) {
  FieldReader file(json, "");
  auto problem = ReadAll(file, "organizations", seed.organizations, ReadOrganization);
  if (problem) return problem;
  problem = ReadAll(file, "workspaces", seed.workspaces,
                    [&](FieldReader& fields) { return ReadWorkspace(fields, seed); });
  if (problem) return problem;
  problem = ReadAll(file, "api_keys", seed.api_keys,
                    [&](FieldReader& fields) { return ReadApiKey(fields, seed); });
  if (problem) return problem;
  problem = ReadAll(file, "eval_runs", seed.eval_runs,
                    [&](FieldReader& fields) { return ReadEvalRun(fields, seed); });
  if (problem) return problem;
  file.RejectUnknownMembers();
  return file.problem();
}

}  // namespace

absl::StatusOr<Seed> ReadSeed(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) {
    return absl::InvalidArgumentError(Concat("seed file ", file, " cannot be read"));
  }
  const nlohmann::json json = nlohmann::json::parse(stream, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return absl::InvalidArgumentError(Concat("seed file ", file, " is not JSON"));
  }
  Seed seed;
  if (const auto problem = ReadFile(json, seed)) {
    return absl::InvalidArgumentError(
        problem->field.empty()
            ? Concat("seed file ", file, " must be ", problem->must_be)
            : Concat("seed file ", file, ": `", problem->field, "` must be ", problem->must_be));
  }
  return seed;
}

}  // namespace evalrun::backend
