// SPDX-License-Identifier: Apache-2.0
//
// File: journal.h
//
// Reads the backend's database file directly, to compare it with the backend's responses.
#ifndef EVALRUN_TESTS_INTEGRATION_BACKEND_JOURNAL_H_
#define EVALRUN_TESTS_INTEGRATION_BACKEND_JOURNAL_H_

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace evalrun::backend {

struct JournalRow {
  std::string eval_run_uuid;
  std::string request_id;
  std::string outcome;  // deleted, not_found or still_processing
};

// All rows, oldest first. The functions in this file are thread-safe, and the backend may be
// running.
[[nodiscard]] std::vector<JournalRow> ReadJournal(const std::string& database);
// The existing runs.
[[nodiscard]] std::set<std::string> ReadRuns(const std::string& database);
// Executes one statement without results.
void ExecuteSql(const std::string& database, const std::string& statement);

// The id of run `number`, and DefaultSeed() with the first `count` such runs.
[[nodiscard]] std::string RunId(int number);
[[nodiscard]] nlohmann::json MakeSeedWithRuns(int count);

}  // namespace evalrun::backend

#endif  // EVALRUN_TESTS_INTEGRATION_BACKEND_JOURNAL_H_
