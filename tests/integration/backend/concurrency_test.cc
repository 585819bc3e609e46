// SPDX-License-Identifier: Apache-2.0
//
// Many concurrent callers.
#include <algorithm>
#include <barrier>
#include <cstddef>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/backend/backend_process.h"
#include "tests/integration/backend/journal.h"

namespace evalrun::backend {
namespace {

TEST(Concurrency, ExactlyOneOfConcurrentDeletesSucceeds) {
  constexpr int kCallers = 300;
  constexpr int kRuns = 30;
  const TempDirectory directory;
  static_cast<void>(directory.Write("seed.json", MakeSeedWithRuns(kRuns).dump()));
  BackendProcess backend(directory);
  ASSERT_NE(backend.WaitForPort(), 0);
  const auto request_id = [](int caller, int run) {
    return std::to_string(caller) + "-" + std::to_string(run);
  };

  std::barrier start(kCallers);
  std::vector<std::vector<int>> statuses(kCallers);  // per caller and run
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      httplib::Client client = backend.Connect();
      client.Get("/health/");  // connects before the race begins
      for (int run = 0; run < kRuns; ++run) {
        start.arrive_and_wait();
        const auto result = client.Delete(
            "/v2/eval-runs/" + RunId(run),
            httplib::Headers{{"x-api-key", ids::kKey}, {"x-request-id", request_id(caller, run)}});
        statuses[static_cast<std::size_t>(caller)].push_back(result ? result->status : -1);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();

  std::map<std::string, std::string> outcomes;  // by request id, from the journal
  for (const JournalRow& row : ReadJournal(directory.File("runs.db"))) {
    EXPECT_TRUE(outcomes.emplace(row.request_id, row.outcome).second)
        << "the request is in the journal twice";
  }
  EXPECT_EQ(outcomes.size(), static_cast<std::size_t>(kCallers) * kRuns);
  for (int run = 0; run < kRuns; ++run) {
    int deleted = 0;
    for (int caller = 0; caller < kCallers; ++caller) {
      const int status = statuses[static_cast<std::size_t>(caller)][static_cast<std::size_t>(run)];
      deleted += status == 204;
      EXPECT_EQ(outcomes[request_id(caller, run)], status == 204   ? "deleted"
                                                   : status == 404 ? "not_found"
                                                                   : "neither")
          << "run " << run << ", caller " << caller << ", HTTP " << status;
    }
    EXPECT_EQ(deleted, 1) << "run " << run;
  }
}

}  // namespace
}  // namespace evalrun::backend
