// What was acknowledged stays, however the process ends; the journal agrees with the answers.
#include <signal.h>

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "tests/integration/backend/backend_process.h"

namespace evalrun::backend {
namespace {

constexpr int kRuns = 2000;

std::string RunId(int number) {
  std::string digits = std::to_string(number);
  digits.insert(0, 12 - digits.size(), '0');
  return "dddddddd-0000-4000-8000-" + digits;
}

nlohmann::json SeedOfManyRuns() {
  nlohmann::json seed = UsualSeed();
  for (int i = 0; i < kRuns; ++i) {
    seed["eval_runs"].push_back({{"eval_run_uuid", RunId(i)},
                                 {"workspace_uuid", ids::kWorkspace},
                                 {"eval_uuid", ids::kEval}});
  }
  return seed;
}

// Rows of the journal with outcome `deleted`: how many per run, and of which request.
struct Journal {
  std::map<std::string, int> deletions;
  std::map<std::string, std::string> request_ids;
};

Journal ReadJournal(const std::string& file) {
  Journal journal;
  sqlite3* database = nullptr;
  EXPECT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
  const auto row = [](void* target, int, char** values, char**) {
    Journal& read = *static_cast<Journal*>(target);
    ++read.deletions[values[0]];
    read.request_ids[values[0]] = values[1];
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(database,
                         "SELECT eval_run_uuid, request_id FROM journal WHERE outcome = 'deleted'",
                         row, &journal, nullptr),
            SQLITE_OK);
  sqlite3_close(database);
  return journal;
}

TEST(Durability, KillMinusNineLosesNoAcknowledgedDeleteAndInventsNone) {
  constexpr int kCallers = 8;
  const TempDirectory directory;
  static_cast<void>(directory.Write("seed.json", SeedOfManyRuns().dump()));
  BackendProcess backend(directory);
  ASSERT_NE(backend.WaitForPort(), 0);

  std::atomic<int> acknowledgements = 0;
  std::vector<std::set<std::string>> acknowledged(kCallers);
  std::vector<std::set<std::string>> unanswered(kCallers);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      httplib::Client client = backend.Connect();
      for (int i = caller; i < kRuns; i += kCallers) {
        const auto result = client.Delete("/v2/eval-runs/" + RunId(i),
                                          {{"x-api-key", ids::kKey}, {"x-request-id", RunId(i)}});
        if (!result) {
          unanswered[static_cast<std::size_t>(caller)].insert(RunId(i));
          return;
        }
        EXPECT_EQ(result->status, 204);
        acknowledged[static_cast<std::size_t>(caller)].insert(RunId(i));
        ++acknowledgements;
      }
    });
  }
  while (acknowledgements < 200) std::this_thread::yield();
  backend.Signal(SIGKILL);
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(backend.Wait().signal, SIGKILL);

  // With the same seed: a restart must not bring a deleted run back.
  BackendProcess restarted(directory);
  ASSERT_NE(restarted.WaitForPort(), 0);
  httplib::Client client = restarted.Connect();
  const Journal journal = ReadJournal(directory.File("runs.db"));
  int kept = 0;
  for (int i = 0; i < kRuns; ++i) {
    const std::string id = RunId(i);
    const std::size_t caller = static_cast<std::size_t>(i % kCallers);
    const auto found = client.Get("/v2/eval-runs/" + id, {{"x-api-key", ids::kKey}});
    ASSERT_TRUE(found);
    const bool gone = found->status == 404;
    if (!gone) ++kept;
    EXPECT_EQ(journal.deletions.contains(id), gone) << id;
    if (gone && journal.deletions.contains(id)) {
      EXPECT_EQ(journal.deletions.at(id), 1) << id;
      EXPECT_EQ(journal.request_ids.at(id), id);
    }
    const bool known = acknowledged[caller].contains(id);
    const bool sent = known || unanswered[caller].contains(id);
    EXPECT_TRUE(gone || !known) << id << " came back";
    EXPECT_TRUE(sent || !gone) << id << " was never asked to go";
  }
  EXPECT_GT(kept, 0) << "the kill came too late to show anything";
}

TEST(Durability, ATermSignalAnswersWhatArrivedAndExitsZero) {
  const TempDirectory directory;
  BackendProcess backend(directory);
  ASSERT_NE(backend.WaitForPort(), 0);
  httplib::Client idle = backend.Connect();
  ASSERT_EQ(idle.Get("/health/")->status, 200);
  const auto deleted = backend.Connect().Delete(std::string("/v2/eval-runs/") + ids::kRun,
                                                {{"x-api-key", ids::kKey}});
  ASSERT_EQ(deleted->status, 204);

  const auto begun = std::chrono::steady_clock::now();
  backend.Signal(SIGTERM);
  const Ended ended = backend.Wait();
  EXPECT_EQ(ended.exit_status, 0) << ended.standard_error;
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10))
      << "an idle connection held it up";

  BackendProcess restarted(directory);
  ASSERT_NE(restarted.WaitForPort(), 0);
  EXPECT_EQ(restarted.Connect()
                .Get(std::string("/v2/eval-runs/") + ids::kRun, {{"x-api-key", ids::kKey}})
                ->status,
            404);
}

}  // namespace
}  // namespace evalrun::backend
