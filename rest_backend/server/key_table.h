// SPDX-License-Identifier: Apache-2.0
//
// File: key_table.h
//
// The tables of organizations, their workspaces and their API keys. Callers provide the connection
// and, for writes, the transaction.
#ifndef EVALRUN_REST_BACKEND_SERVER_KEY_TABLE_H_
#define EVALRUN_REST_BACKEND_SERVER_KEY_TABLE_H_

#include <optional>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "rest_backend/server/records.h"
#include "rest_backend/server/sqlite.h"

namespace evalrun::backend {

[[nodiscard]] absl::Status CreateKeyTables(Database& database);

// Each inserts the record, or updates the existing one with the same id or name.
[[nodiscard]] absl::Status PutOrganization(Database& database, const Organization& organization);
[[nodiscard]] absl::Status PutWorkspace(Database& database, const Workspace& workspace);
[[nodiscard]] absl::Status PutApiKey(Database& database, const NewApiKey& api_key);

// nullopt: the key does not exist.
[[nodiscard]] absl::StatusOr<std::optional<ApiKey>> FindApiKey(Database& database,
                                                               std::string_view secret);

// Whether the workspace exists and belongs to this organization.
[[nodiscard]] absl::StatusOr<bool> HasWorkspace(Database& database,
                                                std::string_view organization_uuid,
                                                std::string_view workspace_uuid);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_KEY_TABLE_H_
