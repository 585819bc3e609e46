// The thread between the desk and the store: it asks in batches, answers always, and says once when
// the store goes and when it comes back.
#include "service/ratelimit/lease_thread.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::ratelimit {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

// Grants as much as is wanted, while it is up.
class FakeStore final : public SharedStore {
 public:
  absl::Status Take(std::span<const LeaseRequest* const> requests,
                    std::span<std::uint32_t> granted) override {
    ++asked;
    largest_batch = std::max<std::size_t>(largest_batch, requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) granted[i] = requests[i]->want;
    return up ? absl::OkStatus() : absl::UnavailableError("it is gone");
  }

  std::atomic<bool> up{true};
  std::atomic<int> asked{0};
  std::atomic<std::size_t> largest_batch{0};
};

class LeaseThreadTest : public ::testing::Test {
 protected:
  void Start() {
    thread_.emplace(&desk_, &store_, [this](const absl::Status& state) {
      const std::lock_guard lock(mutex_);
      changes_.emplace_back(state.ok() ? "up" : std::string(state.message()));
    });
  }

  void Ask(std::uint32_t want) {
    LeaseRequest* request = desk_.requests.FreeSlot();
    ASSERT_NE(request, nullptr);
    request->index = want;
    request->hash = 10 * want;
    request->lease_time = 5;
    request->want = want;
    desk_.requests.Push();
    desk_.Ring();
  }

  LeaseAnswer NextAnswer() {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (desk_.answers.Front() == nullptr && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(1ms);
    }
    if (desk_.answers.Front() == nullptr) return {};
    const LeaseAnswer answer = *desk_.answers.Front();
    desk_.answers.Pop();
    return answer;
  }

  // Once there are so many of them.
  std::vector<std::string> Changes(std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < end) {
      {
        const std::lock_guard lock(mutex_);
        if (changes_.size() >= count) return changes_;
      }
      std::this_thread::sleep_for(1ms);
    }
    return {};
  }

  LeaseDesk desk_;
  FakeStore store_;
  std::mutex mutex_;
  std::vector<std::string> changes_;  // guarded by mutex_
  std::optional<LeaseThread> thread_;
};

TEST_F(LeaseThreadTest, BringsBackWhatWasGranted) {
  Start();
  for (std::uint32_t want : {1U, 2U, 3U}) Ask(want);
  for (std::uint32_t want : {1U, 2U, 3U}) {
    const LeaseAnswer answer = NextAnswer();
    EXPECT_EQ(answer.granted, want);
    EXPECT_EQ(answer.index, want);
    EXPECT_EQ(answer.hash, 10 * want);
    EXPECT_EQ(answer.lease_time, 5);
  }
  EXPECT_THAT(Changes(1), ElementsAre("up"));
}

TEST_F(LeaseThreadTest, AsksInBatches) {
  for (std::uint32_t i = 1; i <= LeaseDesk::kSlots; ++i) Ask(i);
  Start();
  for (std::uint32_t i = 1; i <= LeaseDesk::kSlots; ++i) EXPECT_EQ(NextAnswer().granted, i);
  EXPECT_GT(store_.largest_batch, 50u);
  EXPECT_LT(store_.asked, 100);
}

TEST_F(LeaseThreadTest, KnowsHowTheStoreIsBeforeAnybodyAsksAndSaysItOnce) {
  store_.up = false;
  Start();
  EXPECT_THAT(Changes(1), ElementsAre("it is gone"));
  store_.up = true;
  EXPECT_THAT(Changes(2), ElementsAre("it is gone", "up")) << "by itself";
  store_.up = false;
  EXPECT_THAT(Changes(3), ElementsAre("it is gone", "up", "it is gone"));
}

TEST_F(LeaseThreadTest, WithoutTheStoreEveryRequestIsAnsweredWithNothingAndItIsLeftAlone) {
  store_.up = false;
  Start();
  ASSERT_THAT(Changes(1), ElementsAre("it is gone"));
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 500; ++i) {
    Ask(7);
    EXPECT_EQ(NextAnswer().granted, 0u);
  }
  const auto passed = std::chrono::steady_clock::now() - start;
  EXPECT_LE(store_.asked, 2 + passed / 100ms) << "it backs off";
  EXPECT_EQ(Changes(1).size(), 1u);
}

}  // namespace
}  // namespace evalrun::ratelimit
