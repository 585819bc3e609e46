// SPDX-License-Identifier: Apache-2.0
//
// File: sqlite.h
//
// A C++ wrapper for SQLite: resources are owned by objects, and errors are absl::Status.
#ifndef EVALRUN_REST_BACKEND_SERVER_SQLITE_H_
#define EVALRUN_REST_BACKEND_SERVER_SQLITE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <sqlite3.h>

namespace evalrun::backend {

// One use of a prepared statement: bind, step, read columns. The statement is borrowed from its
// Database, and is reset and returned by the destructor. Errors of Bind() are reported by Step().
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Binds the statement's parameters `?1`, `?2`, ... in order. Values are copied.
  template <typename... Values>
  Statement& Bind(const Values&... values) {
    int index = 0;
    (BindOne(++index, values), ...);
    return *this;
  }

  // True: there is a row. False: there are no more rows.
  [[nodiscard]] absl::StatusOr<bool> Step();
  // Runs the statement and ignores its rows, if any.
  [[nodiscard]] absl::Status Execute();

  // Values of the current row; columns count from 0. NULL is returned as "", 0 or nullopt.
  [[nodiscard]] std::string Text(int column) const;
  [[nodiscard]] std::int64_t Integer(int column) const;
  [[nodiscard]] std::optional<std::string> OptionalText(int column) const;
  [[nodiscard]] std::optional<std::int64_t> OptionalInteger(int column) const;

 private:
  void BindOne(int index, std::string_view value);
  void BindOne(int index, std::int64_t value);
  void BindOne(int index, bool value) { BindOne(index, std::int64_t{value}); }
  template <typename Value>
  void BindOne(int index, const std::optional<Value>& value) {
    // An unbound parameter is NULL.
    if (value) BindOne(index, *value);
  }

  sqlite3_stmt* statement_;
  int bind_result_ = SQLITE_OK;
};

// A connection to a database file, with its prepared statements. Movable. Not thread-safe.
class Database {
 public:
  // Opens or creates `file` in WAL mode with synchronous=FULL, so that commits are durable.
  [[nodiscard]] static absl::StatusOr<Database> Open(const std::string& file);

  // Runs one or more statements without parameters or results.
  [[nodiscard]] absl::Status Execute(const char* sql);

  // `sql` must be a string literal: it is prepared at its first use and cached. Each statement can
  // be in use only once at a time.
  [[nodiscard]] absl::StatusOr<std::unique_ptr<Statement>> Prepare(const char* sql);

  // Rows changed by the last INSERT, UPDATE or DELETE.
  [[nodiscard]] int changes() const { return sqlite3_changes(connection_.get()); }
  [[nodiscard]] bool in_transaction() const {
    return sqlite3_get_autocommit(connection_.get()) == 0;
  }

 private:
  struct Close {
    // Always SQLITE_OK.
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
  };
  struct Finalize {
    // Returns the error of the last Step() again.
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  // In this order, so that statements are finalized before the connection closes.
  std::unique_ptr<sqlite3, Close> connection_;
  std::map<std::string_view, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_SQLITE_H_
