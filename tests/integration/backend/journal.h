// File: journal.h
//
// The backend's database file, read past the backend: what really became of each request.
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

// All rows, the oldest first. Thread-safe, as is everything here; the backend may be running.
[[nodiscard]] std::vector<JournalRow> ReadJournal(const std::string& database);
// The runs that are there.
[[nodiscard]] std::set<std::string> ReadRuns(const std::string& database);
// One statement, without a result.
void ExecuteSql(const std::string& database, const std::string& statement);

// The id of the `number`-th of many runs, and DefaultSeed() with the first `count` of them.
[[nodiscard]] std::string RunId(int number);
[[nodiscard]] nlohmann::json MakeSeedWithRuns(int count);

}  // namespace evalrun::backend

#endif  // EVALRUN_TESTS_INTEGRATION_BACKEND_JOURNAL_H_
