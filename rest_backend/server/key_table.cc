// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/key_table.h"

#include <array>
#include <string>

#include <openssl/evp.h>

namespace evalrun::backend {
namespace {

// Keys are long and random, so a plain hash protects them even if the file is stolen.
std::string HexSha256(std::string_view secret) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(secret.data(), secret.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    hex += kDigits[digest[i] >> 4];
    hex += kDigits[digest[i] & 15];
  }
  return hex;
}

}  // namespace

absl::Status CreateKeyTables(Database& database) {
  return database.Execute(R"sql(
    CREATE TABLE IF NOT EXISTS organizations (
      uuid TEXT PRIMARY KEY, name TEXT NOT NULL, deleted INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS workspaces (
      uuid TEXT PRIMARY KEY, organization_uuid TEXT NOT NULL REFERENCES organizations,
      name TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS api_keys (
      name TEXT PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE,
      organization_uuid TEXT NOT NULL REFERENCES organizations,
      workspace_uuid TEXT NOT NULL REFERENCES workspaces,
      permissions INTEGER NOT NULL, expires_at INTEGER, requests_per_minute INTEGER)
      WITHOUT ROWID;
  )sql");
}

absl::Status PutOrganization(Database& database, const Organization& organization) {
  auto statement = database.Prepare(
      "INSERT INTO organizations (uuid, name, deleted) VALUES (?1, ?2, ?3) "
      "ON CONFLICT (uuid) DO UPDATE SET name = ?2, deleted = ?3");
  if (!statement.ok()) return statement.status();
  return (*statement)->Bind(organization.uuid, organization.name, organization.deleted).Execute();
}

absl::Status PutWorkspace(Database& database, const Workspace& workspace) {
  auto statement = database.Prepare(
      "INSERT INTO workspaces (uuid, organization_uuid, name) VALUES (?1, ?2, ?3) "
      "ON CONFLICT (uuid) DO UPDATE SET organization_uuid = ?2, name = ?3");
  if (!statement.ok()) return statement.status();
  return (*statement)->Bind(workspace.uuid, workspace.organization_uuid, workspace.name).Execute();
}

absl::Status PutApiKey(Database& database, const NewApiKey& api_key) {
  auto statement = database.Prepare(
      "INSERT INTO api_keys (name, sha256, organization_uuid, workspace_uuid, permissions, "
      "expires_at, requests_per_minute) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
      "ON CONFLICT (name) DO UPDATE SET sha256 = ?2, organization_uuid = ?3, "
      "workspace_uuid = ?4, permissions = ?5, expires_at = ?6, requests_per_minute = ?7");
  if (!statement.ok()) return statement.status();
  const ApiKey& key = api_key.key;
  return (*statement)
      ->Bind(key.name, HexSha256(api_key.secret), key.organization_uuid, key.workspace_uuid,
             key.permissions, key.expires_at, key.requests_per_minute)
      .Execute();
}

absl::StatusOr<std::optional<ApiKey>> FindApiKey(Database& database, std::string_view secret) {
  auto statement = database.Prepare(
      "SELECT k.name, k.organization_uuid, k.workspace_uuid, k.permissions, k.expires_at, "
      "k.requests_per_minute, o.deleted "
      "FROM api_keys k JOIN organizations o ON o.uuid = k.organization_uuid WHERE k.sha256 = ?1");
  if (!statement.ok()) return statement.status();
  Statement& row = (*statement)->Bind(HexSha256(secret));
  const absl::StatusOr<bool> found = row.Step();
  if (!found.ok()) return found.status();
  if (!*found) return std::nullopt;
  ApiKey key;
  key.name = row.Text(0);
  key.organization_uuid = row.Text(1);
  key.workspace_uuid = row.Text(2);
  key.permissions = row.Integer(3);
  key.expires_at = row.OptionalInteger(4);
  key.requests_per_minute = row.OptionalInteger(5);
  key.organization_deleted = row.Integer(6) != 0;
  return key;
}

absl::StatusOr<bool> HasWorkspace(Database& database, std::string_view organization_uuid,
                                  std::string_view workspace_uuid) {
  auto statement =
      database.Prepare("SELECT 1 FROM workspaces WHERE uuid = ?1 AND organization_uuid = ?2");
  if (!statement.ok()) return statement.status();
  return (*statement)->Bind(workspace_uuid, organization_uuid).Step();
}

}  // namespace evalrun::backend
