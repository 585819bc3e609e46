// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/sqlite.h"

#include "rest_backend/server/text.h"

namespace evalrun::backend {
namespace {

absl::Status SqliteError(sqlite3* connection, std::string_view what) {
  return absl::InternalError(Concat("SQLite: ", what, ": ", sqlite3_errmsg(connection)));
}

}  // namespace

Statement::~Statement() {
  // Returns the error of the last Step() again, which the caller has seen. The other cannot fail.
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Statement::BindOne(int index, std::string_view value) {
  const int result = sqlite3_bind_text64(statement_, index, value.data(), value.size(),
                                         SQLITE_TRANSIENT, SQLITE_UTF8);
  if (result != SQLITE_OK) bind_result_ = result;
}

void Statement::BindOne(int index, std::int64_t value) {
  const int result = sqlite3_bind_int64(statement_, index, value);
  if (result != SQLITE_OK) bind_result_ = result;
}

absl::StatusOr<bool> Statement::Step() {
  if (bind_result_ != SQLITE_OK) {
    return absl::InternalError(Concat("SQLite: bind: ", sqlite3_errstr(bind_result_)));
  }
  switch (sqlite3_step(statement_)) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      return SqliteError(sqlite3_db_handle(statement_), sqlite3_sql(statement_));
  }
}

absl::Status Statement::Execute() {
  for (;;) {
    const absl::StatusOr<bool> row = Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
  }
}

std::string Statement::Text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_, column);
  if (text == nullptr) return {};
  return std::string(reinterpret_cast<const char*>(text),
                     static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

std::int64_t Statement::Integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::optional<std::string> Statement::OptionalText(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return Text(column);
}

std::optional<std::int64_t> Statement::OptionalInteger(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return Integer(column);
}

absl::StatusOr<Database> Database::Open(const std::string& file) {
  // Keeps statement journals in memory. Beyond 64 KiB SQLite would use a temporary file, which
  // fails on a read-only root file system and rolls back the whole transaction.
  static const int kConfigured = sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1);
  if (kConfigured != SQLITE_OK) {
    return absl::InternalError(Concat("SQLite: configure: ", sqlite3_errstr(kConfigured)));
  }
  sqlite3* connection = nullptr;
  const int result =
      sqlite3_open_v2(file.c_str(), &connection,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database;
  database.connection_.reset(connection);
  if (result != SQLITE_OK) return SqliteError(connection, "open");
  if (sqlite3_busy_timeout(connection, /*ms=*/5000) != SQLITE_OK) {
    return SqliteError(connection, "busy timeout");
  }
  const absl::Status ready = database.Execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
  if (!ready.ok()) return ready;
  return database;
}

absl::Status Database::Execute(const char* sql) {
  if (sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return SqliteError(connection_.get(), sql);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Statement>> Database::Prepare(const char* sql) {
  auto& prepared = statements_[sql];
  if (prepared == nullptr) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(connection_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
                           nullptr) != SQLITE_OK) {
      return SqliteError(connection_.get(), sql);
    }
    prepared.reset(statement);
  }
  return std::make_unique<Statement>(prepared.get());
}

}  // namespace evalrun::backend
