// SPDX-License-Identifier: Apache-2.0

#include "tests/integration/backend/journal.h"

#include <functional>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "tests/integration/backend/backend_process.h"

namespace evalrun::backend {
namespace {

using OnRow = std::function<void(char** values)>;

void Query(const std::string& file, const std::string& statement, const OnRow& on_row) {
  sqlite3* database = nullptr;
  EXPECT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
  sqlite3_busy_timeout(database, 5000);
  const auto call = [](void* target, int, char** values, char**) {
    (*static_cast<OnRow*>(target))(values);
    return 0;
  };
  OnRow target = on_row;
  EXPECT_EQ(sqlite3_exec(database, statement.c_str(), call, &target, nullptr), SQLITE_OK)
      << statement << ": " << sqlite3_errmsg(database);
  sqlite3_close(database);
}

}  // namespace

std::vector<JournalRow> ReadJournal(const std::string& database) {
  std::vector<JournalRow> rows;
  Query(database, "SELECT eval_run_uuid, request_id, outcome FROM journal ORDER BY id",
        [&](char** values) {
          rows.push_back({values[0], values[1], values[2]});
        });
  return rows;
}

std::set<std::string> ReadRuns(const std::string& database) {
  std::set<std::string> runs;
  Query(database, "SELECT uuid FROM eval_runs", [&](char** values) { runs.insert(values[0]); });
  return runs;
}

void ExecuteSql(const std::string& database, const std::string& statement) {
  Query(database, statement, [](char**) {});
}

std::string RunId(int number) {
  std::string digits = std::to_string(number);
  digits.insert(0, 12 - digits.size(), '0');
  return "dddddddd-0000-4000-8000-" + digits;
}

nlohmann::json MakeSeedWithRuns(int count) {
  nlohmann::json seed = DefaultSeed();
  for (int i = 0; i < count; ++i) {
    seed["eval_runs"].push_back({{"eval_run_uuid", RunId(i)},
                                 {"workspace_uuid", ids::kWorkspace},
                                 {"eval_uuid", ids::kEval}});
  }
  return seed;
}

}  // namespace evalrun::backend
