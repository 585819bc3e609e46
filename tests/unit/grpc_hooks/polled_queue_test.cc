// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_hooks/polled_queue.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "service/grpc_hooks/read_budget.h"
#include "service/grpc_hooks/receive_queues.h"
#include "tests/support/grpc_version.h"

namespace evalrun::grpc_hooks {
namespace {

using ::testing::UnorderedElementsAre;

using NextStatus = PolledQueue::NextStatus;

// What a wait for something that must come may take, and how long nothing is waited for.
constexpr int kTimeoutMs = 20'000;
constexpr int kNoEventTimeoutMs = 10;
constexpr int kRepetitions = 2000;

gpr_timespec In(int ms) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

class PolledQueueTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_GRPC_HOOKS();
    PolledQueue::SelectEpollPoller();
    grpc::ServerBuilder builder;
    other_queue_ = builder.AddCompletionQueue();
    queue_ = std::make_unique<PolledQueue>(builder.AddCompletionQueue(), fd_, &fd_tag_);
    server_ = builder.BuildAndStart();
    ExpectNoEvent();
  }
  void TearDown() override {
    if (server_ == nullptr) return;  // skipped
    server_->Shutdown();
    queue_->Shutdown();
    while (Wait(kTimeoutMs) != nullptr) {
    }
    other_queue_->Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (other_queue_->Next(&tag, &ok)) {
    }
    queue_.reset();
    close(fd_);
  }

  void MakeReadable() const { EXPECT_EQ(eventfd_write(fd_, 1), 0); }
  void ReadAll() const {
    eventfd_t value = 0;
    EXPECT_EQ(eventfd_read(fd_, &value), 0);
  }

  // What its user does before it waits.
  void ExpectNoEvent() {
    void* tag = nullptr;
    bool ok = false;
    ASSERT_EQ(queue_->TryNext(&tag, &ok), NextStatus::TIMEOUT);
  }
  // The tag that Wait() gives; null: none came.
  void* Wait(int ms) {
    void* tag = nullptr;
    bool ok = false;
    return queue_->Wait(&tag, &ok, In(ms)) == NextStatus::GOT_EVENT ? tag : nullptr;
  }
  // Another thread makes the descriptor readable each time when this one has read it.
  void WakeRepeatedly() {
    const int turn = eventfd(0, EFD_CLOEXEC);
    std::atomic<bool> is_over{false};
    std::thread other([&] {
      eventfd_t value = 0;
      while (eventfd_read(turn, &value) == 0 && !is_over) MakeReadable();
    });
    for (int i = 0; i < kRepetitions && !HasFailure(); ++i) {
      eventfd_write(turn, 1);
      EXPECT_EQ(Wait(kTimeoutMs), &fd_tag_) << i;
      ReadAll();
    }
    is_over = true;
    eventfd_write(turn, 1);
    other.join();
    close(turn);
  }

  const int fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int fd_tag_ = 0;  // its address is the tag
  int alarm_tag_ = 0;
  std::unique_ptr<grpc::ServerCompletionQueue> other_queue_;
  std::unique_ptr<PolledQueue> queue_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(PolledQueueTest, WaitTimesOutWithoutEvents) { EXPECT_EQ(Wait(kNoEventTimeoutMs), nullptr); }

TEST_F(PolledQueueTest, WaitReturnsWhenDescriptorIsReadable) {
  MakeReadable();
  EXPECT_EQ(Wait(kTimeoutMs), &fd_tag_);
}

TEST_F(PolledQueueTest, WakesWhenDescriptorBecomesReadable) { WakeRepeatedly(); }

TEST_F(PolledQueueTest, ReportsEachChangeOnce) {
  MakeReadable();
  ASSERT_EQ(Wait(kTimeoutMs), &fd_tag_);
  EXPECT_EQ(Wait(kNoEventTimeoutMs), nullptr) << "it is edge-triggered";
  MakeReadable();
  EXPECT_EQ(Wait(kTimeoutMs), &fd_tag_);
  ReadAll();
  MakeReadable();
  EXPECT_EQ(Wait(kTimeoutMs), &fd_tag_);
}

TEST_F(PolledQueueTest, TryNextConsumesReadiness) {
  MakeReadable();
  ExpectNoEvent();
  EXPECT_EQ(Wait(kNoEventTimeoutMs), nullptr)
      << "the caller looks at the descriptor after the look";
}

TEST_F(PolledQueueTest, DeliversGrpcTags) {
  grpc::Alarm alarm;
  alarm.Set(queue_->get(), In(kNoEventTimeoutMs), &alarm_tag_);
  EXPECT_EQ(Wait(kTimeoutMs), &alarm_tag_);
}

TEST_F(PolledQueueTest, DeliversBothWhenBothAreReady) {
  grpc::Alarm alarm;
  alarm.Set(queue_->get(), In(0), &alarm_tag_);
  MakeReadable();
  const std::set<void*> tags = {Wait(kTimeoutMs), Wait(kTimeoutMs)};
  EXPECT_THAT(tags, UnorderedElementsAre(&alarm_tag_, &fd_tag_));
}

// One thread of gRPC's waits for all, and it need not be ours: here it is often one on another
// queue.
TEST_F(PolledQueueTest, ReportsEventsSeenByAnotherPollingThread) {
  std::atomic<bool> is_over{false};
  std::thread other([&] {
    void* tag = nullptr;
    bool ok = false;
    while (!is_over) other_queue_->AsyncNext(&tag, &ok, In(1));
  });
  WakeRepeatedly();
  is_over = true;
  other.join();
}

TEST_F(PolledQueueTest, ReportsNothingAfterShutdown) {
  grpc::Alarm alarm;
  alarm.Set(queue_->get(), In(kTimeoutMs), &alarm_tag_);
  server_->Shutdown();
  queue_->Shutdown();
  MakeReadable();
  EXPECT_EQ(Wait(kNoEventTimeoutMs), nullptr);
  alarm.Cancel();
  EXPECT_EQ(Wait(kTimeoutMs), &alarm_tag_);
}

// An epoll instance that stands for gRPC's.
class ReportedEventTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_GRPC_HOOKS();
    grpc::ServerBuilder builder;
    queue_ = std::make_unique<PolledQueue>(builder.AddCompletionQueue(), queue_fd_, this);
    queue_->AddToEpoll(epoll_);
  }
  void TearDown() override {
    if (queue_ != nullptr) {
      void* tag = nullptr;
      bool ok = false;
      queue_->Shutdown();
      EXPECT_EQ(queue_->Wait(&tag, &ok, In(kTimeoutMs)), NextStatus::SHUTDOWN);
    }
    queue_.reset();
    events_.push_back(epoll_);
    events_.push_back(queue_fd_);
    for (const int fd : events_) close(fd);
  }

  void MakeEvents(int count) {
    for (int i = 0; i < count; ++i) {
      events_.push_back(eventfd(1, EFD_CLOEXEC));
      epoll_event event{};
      event.events = EPOLLIN | EPOLLET;
      ASSERT_EQ(epoll_ctl(epoll_, EPOLL_CTL_ADD, events_.back(), &event), 0);
    }
  }
  [[nodiscard]] int CountEvents() const {
    std::array<epoll_event, 100> events{};
    return epoll_wait(epoll_, events.data(), events.size(), kNoEventTimeoutMs);
  }
  [[nodiscard]] int CountEventsOnAnotherThread() const {
    int count = -1;
    std::thread([&] { count = CountEvents(); }).join();
    return count;
  }

 private:
  const int queue_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<int> events_;
  std::unique_ptr<PolledQueue> queue_;
};

// gRPC's backup poller would read while the queue's thread works on what it has read.
TEST_F(ReportedEventTest, OtherThreadsLearnOfNoneWhileThereIsAReadBudget) {
  MakeEvents(1);
  ReceiveQueues receive_queues{std::chrono::hours(1)};
  {
    const ReadBudget budget(300, &receive_queues);
    EXPECT_EQ(CountEventsOnAnotherThread(), 0);
    EXPECT_EQ(CountEvents(), 1);
  }
  MakeEvents(1);
  EXPECT_EQ(CountEventsOnAnotherThread(), 1) << "at shutdown, any thread may be the one that polls";
}

// And it handles what the queue's thread does not come to.
TEST_F(ReportedEventTest, ReportsFewAtOnceAndAllInTheSameRound) {
  MakeEvents(20);
  ReceiveQueues receive_queues{std::chrono::hours(1)};
  const ReadBudget budget(300, &receive_queues);
  EXPECT_EQ(CountEvents(), 8);
  receive_queues.OnReadQuantumEnd({.socket = -1}, 300, 1, std::chrono::hours(1));
  EXPECT_EQ(CountEvents(), 8);
  EXPECT_EQ(CountEvents(), 4);
  EXPECT_TRUE(receive_queues.has_turns()) << "it is the round of the first events";
  EXPECT_EQ(CountEvents(), 0);
  EXPECT_FALSE(receive_queues.has_turns()) << "a round has begun";
}

TEST_F(ReportedEventTest, RoundEndsThoughThereAreAlwaysMore) {
  constexpr int kMany = 200;
  MakeEvents(kMany);
  ReceiveQueues receive_queues{std::chrono::hours(1)};
  const ReadBudget budget(300, &receive_queues);
  EXPECT_EQ(CountEvents(), 8);
  receive_queues.OnReadQuantumEnd({.socket = -1}, 300, 1, std::chrono::hours(1));
  int events = 8;
  while (receive_queues.has_turns() && events < kMany) events += CountEvents();
  EXPECT_LT(events, kMany);
}

}  // namespace
}  // namespace evalrun::grpc_hooks
