// SPDX-License-Identifier: Apache-2.0
//
// The thread between the mailbox and the store: it batches requests, always responds, and reports
// once when the store goes down and when it comes back.
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

// Grants everything that is requested while it is up.
class FakeStore final : public SharedStore {
 public:
  absl::Status Acquire(std::span<const LeaseRequest* const> requests,
                       std::span<std::uint32_t> granted) override {
    ++acquire_calls;
    hangs.wait(true);
    largest_batch = std::max<std::size_t>(largest_batch, requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) granted[i] = requests[i]->requested;
    return up ? absl::OkStatus() : absl::UnavailableError(error.load());
  }

  std::atomic<bool> up{true};
  std::atomic<bool> hangs{false};
  std::atomic<const char*> error{"it is gone"};
  std::atomic<int> acquire_calls{0};
  std::atomic<std::size_t> largest_batch{0};
};

class LeaseThreadTest : public ::testing::Test {
 protected:
  void Start(std::chrono::milliseconds min_error_interval = 1h) {
    thread_.emplace(
        &mailbox_, &store_,
        [this](const absl::Status& state) {
          const std::lock_guard lock(mutex_);
          changes_.emplace_back(state.ok() ? "up" : std::string(state.message()));
        },
        min_error_interval);
  }

  void PushRequest(std::uint32_t requested) {
    LeaseRequest* request = mailbox_.requests.FreeSlot();
    ASSERT_NE(request, nullptr);
    request->index = requested;
    request->hash = 10 * requested;
    request->lease_time = 5;
    request->requested = requested;
    mailbox_.requests.Push();
    mailbox_.Notify();
  }

  LeaseResponse NextResponse() {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (mailbox_.responses.Front() == nullptr && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(1ms);
    }
    if (mailbox_.responses.Front() == nullptr) return {};
    const LeaseResponse response = *mailbox_.responses.Front();
    mailbox_.responses.Pop();
    return response;
  }

  // Waits until there are `count` changes.
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

  LeaseMailbox mailbox_;
  FakeStore store_;
  std::mutex mutex_;
  std::vector<std::string> changes_;  // guarded by mutex_
  std::optional<LeaseThread> thread_;
};

TEST_F(LeaseThreadTest, ReturnsGrantedLeases) {
  Start();
  for (std::uint32_t requested : {1U, 2U, 3U}) PushRequest(requested);
  for (std::uint32_t requested : {1U, 2U, 3U}) {
    const LeaseResponse response = NextResponse();
    EXPECT_EQ(response.granted, requested);
    EXPECT_EQ(response.index, requested);
    EXPECT_EQ(response.hash, 10 * requested);
    EXPECT_EQ(response.lease_time, 5);
  }
  EXPECT_THAT(Changes(1), ElementsAre("up"));
}

TEST_F(LeaseThreadTest, SendsRequestsInBatches) {
  for (std::uint32_t i = 1; i <= LeaseMailbox::kSlots; ++i) PushRequest(i);
  Start();
  for (std::uint32_t i = 1; i <= LeaseMailbox::kSlots; ++i) EXPECT_EQ(NextResponse().granted, i);
  EXPECT_GT(store_.largest_batch, 50u);
  EXPECT_LT(store_.acquire_calls, 100);
}

TEST_F(LeaseThreadTest, ReportsEachStoreStateChangeOnce) {
  store_.up = false;
  Start();
  EXPECT_THAT(Changes(1), ElementsAre("it is gone"));
  store_.up = true;
  EXPECT_THAT(Changes(2), ElementsAre("it is gone", "up")) << "without any request";
  store_.up = false;
  EXPECT_THAT(Changes(3), ElementsAre("it is gone", "up", "it is gone"));
}

TEST_F(LeaseThreadTest, ReportsAnotherErrorWhileTheStoreIsDown) {
  store_.up = false;
  Start(/*min_error_interval=*/1ms);
  EXPECT_THAT(Changes(1), ElementsAre("it is gone"));
  store_.error = "NOAUTH";
  EXPECT_THAT(Changes(2), ElementsAre("it is gone", "NOAUTH"));
  store_.up = true;
  EXPECT_THAT(Changes(3), ElementsAre("it is gone", "NOAUTH", "up"));
}

TEST_F(LeaseThreadTest, ReportsErrorsNoMoreOftenThanTheInterval) {
  store_.up = false;
  Start();
  EXPECT_THAT(Changes(1), ElementsAre("it is gone"));
  store_.error = "NOAUTH";
  const int calls = store_.acquire_calls;
  while (store_.acquire_calls < calls + 2) std::this_thread::sleep_for(1ms);
  EXPECT_THAT(Changes(1), ElementsAre("it is gone"));
}

TEST_F(LeaseThreadTest, GrantsNothingAndBacksOffWhileStoreIsDown) {
  store_.up = false;
  Start();
  ASSERT_THAT(Changes(1), ElementsAre("it is gone"));
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 500; ++i) {
    PushRequest(7);
    EXPECT_EQ(NextResponse().granted, 0u);
  }
  const auto passed = std::chrono::steady_clock::now() - start;
  EXPECT_LE(store_.acquire_calls, 2 + passed / 100ms) << "it backs off";
  EXPECT_EQ(Changes(1).size(), 1u);
}

TEST_F(LeaseThreadTest, ClosesAtOnce) {
  Start();
  EXPECT_EQ(Changes(1).size(), 1u);
  EXPECT_TRUE(thread_->Close());
  EXPECT_TRUE(thread_->Close());
}

TEST_F(LeaseThreadTest, DoesNotWaitAtTheEndForAStoreThatHangs) {
  store_.hangs = true;
  Start();
  while (store_.acquire_calls == 0) std::this_thread::sleep_for(1ms);
  EXPECT_FALSE(thread_->Close());
  store_.hangs = false;
  store_.hangs.notify_all();
}

}  // namespace
}  // namespace evalrun::ratelimit
