// Many callers at once.
#include <algorithm>
#include <barrier>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/backend/backend_process.h"

namespace evalrun::backend {
namespace {

TEST(Concurrency, OfAHundredDeletesOfOneRunExactlyOneDidIt) {
  constexpr int kCallers = 100;
  constexpr int kRuns = 10;
  const TempDirectory directory;
  nlohmann::json seed = UsualSeed();
  std::vector<std::string> ids;
  for (int i = 0; i < kRuns; ++i) {
    ids.push_back("dddddddd-0000-4000-8000-00000000000" + std::to_string(i));
    seed["eval_runs"].push_back({{"eval_run_uuid", ids.back()},
                                 {"workspace_uuid", ids::kWorkspace},
                                 {"eval_uuid", ids::kEval}});
  }
  static_cast<void>(directory.Write("seed.json", seed.dump()));
  BackendProcess backend(directory);
  ASSERT_NE(backend.WaitForPort(), 0);

  std::barrier start(kCallers);
  std::vector<std::vector<int>> statuses(kCallers);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      httplib::Client client = backend.Connect();
      const httplib::Headers key = {{"x-api-key", ids::kKey}};
      client.Get("/health/");  // connected before the race begins
      for (const std::string& id : ids) {
        start.arrive_and_wait();
        const auto result = client.Delete("/v2/eval-runs/" + id, key);
        statuses[static_cast<std::size_t>(caller)].push_back(result ? result->status : -1);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();

  for (std::size_t run = 0; run < kRuns; ++run) {
    const auto answered = [&](int status) {
      return std::ranges::count_if(statuses, [&](const auto& of) { return of[run] == status; });
    };
    EXPECT_EQ(answered(204), 1) << "run " << run;
    EXPECT_EQ(answered(404), kCallers - 1) << "run " << run;
  }
}

}  // namespace
}  // namespace evalrun::backend
