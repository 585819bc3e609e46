// SPDX-License-Identifier: Apache-2.0
//
// Repeated kill -9 at random moments: the responses and the database agree.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/backend/backend_process.h"
#include "tests/integration/backend/case_name.h"
#include "tests/integration/backend/journal.h"

namespace evalrun::backend {
namespace {

constexpr int kCallers = 16;
constexpr int kNoResponse = -1;

struct LoopCase {
  const char* name;
  int kills;

  friend void PrintTo(const LoopCase& c, std::ostream* out) { *out << c.kills << " kills"; }
};

// The status of the response to each request, by request id.
class ResponseLog {
 public:
  void Add(const std::string& request_id, int status) {
    const std::lock_guard lock(mutex_);
    responses_[request_id] = status;
    ++(status == kNoResponse ? unanswered_ : answered_);
    answered_.notify_one();
  }
  [[nodiscard]] int answered() const { return answered_; }
  // Must be called by one thread only.
  void WaitForCount(int answered) const {
    for (int now = answered_; now < answered; now = answered_) answered_.wait(now);
  }
  [[nodiscard]] int unanswered() const { return unanswered_; }
  // Call when no thread adds entries any more.
  [[nodiscard]] const std::map<std::string, int>& all() const { return responses_; }

 private:
  std::mutex mutex_;
  std::map<std::string, int> responses_;
  std::atomic<int> answered_ = 0;
  std::atomic<int> unanswered_ = 0;
};

class KillLoop : public testing::TestWithParam<LoopCase> {
 protected:
  // Deletes each run twice, repeating a request until it gets a response: two callers race for each
  // run, and requests without a response are retried.
  void Call() {
    int start = 0;
    std::optional<httplib::Client> client;
    while (!over_) {
      const std::string run = RunId(next_++ / 2);
      for (int status = kNoResponse; status == kNoResponse && !over_;) {
        if (!client) {
          start = starts_;
          client.emplace("127.0.0.1", port_);
          client->set_keep_alive(true);
        }
        const std::string request_id = "request-" + std::to_string(next_request_++);
        const auto result = client->Delete(
            "/v2/eval-runs/" + run,
            httplib::Headers{{"x-api-key", ids::kKey}, {"x-request-id", request_id}});
        status = result ? result->status : kNoResponse;
        responses_.Add(request_id, status);
        if (status != kNoResponse) continue;
        client.reset();
        starts_.wait(start);
      }
    }
  }

  // Tells the callers the port of the restarted backend, or 0 to let them end.
  void Announce(int port) {
    port_ = port;
    ++starts_;
    starts_.notify_all();
  }

  std::atomic<int> port_ = 0;
  std::atomic<int> starts_ = 0;
  std::atomic<bool> over_ = false;
  std::atomic<int> next_ = 0;
  std::atomic<int> next_request_ = 0;
  ResponseLog responses_;
};

TEST_P(KillLoop, AcknowledgedDeletesSurviveSigkill) {
  const int kills = GetParam().kills;
  // Two requests for each run, a few hundred between two kills; runs beyond these get 404.
  const int runs = kills * 100;
  const TempDirectory directory;
  const std::string database = directory.File("runs.db");
  static_cast<void>(directory.Write("seed.json", MakeSeedWithRuns(runs).dump()));
  auto backend = std::make_unique<BackendProcess>(directory);
  Announce(backend->WaitForPort());
  ASSERT_NE(port_, 0);
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) callers.emplace_back([this] { Call(); });

  std::mt19937 random(GetParam().kills);
  for (int i = 0; i < kills; ++i) {
    responses_.WaitForCount(responses_.answered() + std::uniform_int_distribution(1, 300)(random));
    backend->Signal(SIGKILL);
    EXPECT_EQ(backend->Wait().signal, SIGKILL);
    backend = std::make_unique<BackendProcess>(
        directory, std::vector<std::string>{"--listen", "127.0.0.1:0", "--database", database});
    Announce(backend->WaitForPort());
    if (port_ == 0) break;
  }
  over_ = true;
  Announce(port_);
  for (std::thread& caller : callers) caller.join();
  ASSERT_NE(port_, 0) << backend->Wait().standard_error;

  std::map<std::string, std::string> outcomes;  // by request id, from the journal
  std::map<std::string, int> deletions;         // by run
  for (const JournalRow& row : ReadJournal(database)) {
    EXPECT_TRUE(responses_.all().contains(row.request_id))
        << "not sent by this test: " << row.request_id;
    EXPECT_TRUE(outcomes.emplace(row.request_id, row.outcome).second) << row.request_id;
    if (row.outcome == "deleted") ++deletions[row.eval_run_uuid];
  }
  for (const auto& [request_id, status] : responses_.all()) {
    if (status == kNoResponse) continue;  // there may or may not be a row
    EXPECT_EQ(outcomes[request_id], status == 204   ? "deleted"
                                    : status == 404 ? "not_found"
                                                    : "neither")
        << request_id << " was answered with " << status;
  }
  const std::set<std::string> left = ReadRuns(database);
  for (int i = 0; i < runs; ++i) {
    EXPECT_EQ(deletions[RunId(i)], left.contains(RunId(i)) ? 0 : 1) << RunId(i);
  }
  // Otherwise the test would not have tested anything.
  const auto later = std::ranges::count_if(outcomes, [&](const auto& outcome) {
    return outcome.second == "deleted" && responses_.all().at(outcome.first) == kNoResponse;
  });
  EXPECT_GT(deletions.size(), static_cast<std::size_t>(kills));
  EXPECT_GE(responses_.unanswered(), kills);
  RecordProperty("answered", responses_.answered());
  RecordProperty("unanswered", responses_.unanswered());
  RecordProperty("unanswered_but_deleted", static_cast<int>(later));
}

INSTANTIATE_TEST_SUITE_P(Short, KillLoop, testing::Values(LoopCase{"TenTimes", 10}), CaseName());
INSTANTIATE_TEST_SUITE_P(Long, KillLoop, testing::Values(LoopCase{"ThreeHundredTimes", 300}),
                         CaseName());

}  // namespace
}  // namespace evalrun::backend
