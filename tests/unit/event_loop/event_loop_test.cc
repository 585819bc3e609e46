// SPDX-License-Identifier: Apache-2.0

#include "service/event_loop/event_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/alarm.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "service/event_loop/thread_poller.h"

namespace evalrun::event_loop {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;

constexpr auto kTimeout = seconds(20);  // of what must happen

// A descriptor that tests make readable, and a time to be woken at.
class FakeSource final : public EventSource {
 public:
  ~FakeSource() { close(fd_); }
  [[nodiscard]] int poll_fd() const override { return fd_; }
  std::size_t Poll() override {
    eventfd_t value = 0;
    ready_ = eventfd_read(fd_, &value) == 0;
    return ready_ ? 1 : 0;
  }
  bool RunReady() override {
    if (due_.has_value() && EventLoop::Clock::now() >= *due_) {
      due_.reset();
      ++woken_;
      return true;
    }
    if (ready_) ++events_;
    return std::exchange(ready_, false);
  }
  [[nodiscard]] std::optional<EventLoop::Clock::time_point> NextWakeUp() const override {
    return due_;
  }

  void MakeReadable() const { EXPECT_EQ(eventfd_write(fd_, 1), 0); }

  std::optional<EventLoop::Clock::time_point> due_;  // loop's thread only
  std::atomic<int> events_{0};
  std::atomic<int> woken_{0};

 private:
  const int fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  bool ready_ = false;
};

class Latch final : public TimerObserver, public SocketObserver {
 public:
  void OnTimer() override { Open(); }
  void OnReadable() override { Open(); }
  void Open() {
    if (!open_.exchange(true)) promise_.set_value(EventLoop::Clock::now());
  }
  [[nodiscard]] bool Wait() { return future_.wait_for(kTimeout) == std::future_status::ready; }
  [[nodiscard]] EventLoop::Clock::time_point opened_at() { return future_.get(); }

 private:
  std::atomic<bool> open_{false};
  std::promise<EventLoop::Clock::time_point> promise_;
  std::future<EventLoop::Clock::time_point> future_ = promise_.get_future();
};

class EventLoopTest : public ::testing::Test {
 protected:
  EventLoopTest() {
    grpc::ServerBuilder builder;
    auto loop = EventLoop::Create(
        [&](int fd, void* tag) {
          return ThreadPoller::Create(builder.AddCompletionQueue(), fd, tag);
        },
        &source_);
    EXPECT_TRUE(loop.ok()) << loop.status();
    loop_ = *std::move(loop);
    server_ = builder.BuildAndStart();
    loop_->Start();
  }
  ~EventLoopTest() override { ShutDown(); }

  void ShutDown() {
    if (server_ == nullptr) return;
    server_->Shutdown();
    EXPECT_TRUE(loop_->ShutDown(kTimeout));
    server_.reset();
  }
  // Returns the result of `task`.
  template <typename Function>
  auto RunOnLoop(Function function) {
    using Result = std::invoke_result_t<Function>;
    const auto task = std::make_shared<std::packaged_task<Result()>>(std::move(function));
    EXPECT_TRUE(loop_->Post([task] { (*task)(); }));
    return task->get_future().get();
  }
  // Returns when the loop is asleep, or goes to sleep without anything to do.
  void LetItSleep() const { std::this_thread::sleep_for(milliseconds(5)); }

  FakeSource source_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(EventLoopTest, RunsPostedTasksInOrderOnItsThread) {
  std::vector<int> order;
  std::promise<bool> done;
  for (int i = 1; i <= 3; ++i) loop_->Post([&order, i] { order.push_back(i); });
  loop_->Post([&] { done.set_value(loop_->IsLoopThread()); });
  EXPECT_TRUE(done.get_future().get());
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
  EXPECT_FALSE(loop_->IsLoopThread());
}

TEST_F(EventLoopTest, WakesForEveryPostedTask) {
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(RunOnLoop([i] { return i; }), i);
}

TEST_F(EventLoopTest, RunsTasksFromManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 1000;
  int count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kTasks; ++i) loop_->Post([&count] { ++count; });
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(RunOnLoop([&] { return count; }), kThreads * kTasks);
}

TEST_F(EventLoopTest, ATaskMayPostAnother) {
  std::promise<void> done;
  loop_->Post([&] { loop_->Post([&] { done.set_value(); }); });
  EXPECT_EQ(done.get_future().wait_for(kTimeout), std::future_status::ready);
}

TEST_F(EventLoopTest, ServesTheSourceWhenItsDescriptorBecomesReadable) {
  for (int i = 1; i <= 200; ++i) {
    source_.MakeReadable();
    while (source_.events_ < i) std::this_thread::yield();
  }
  EXPECT_EQ(source_.events_, 200);
}

TEST_F(EventLoopTest, ServesTheSourceWhenItsTimeHasCome) {
  RunOnLoop([this] { source_.due_ = EventLoop::Clock::now() + milliseconds(20); });
  const auto give_up = EventLoop::Clock::now() + kTimeout;
  while (source_.woken_ == 0 && EventLoop::Clock::now() < give_up) std::this_thread::yield();
  EXPECT_EQ(source_.woken_, 1);
}

// The thread was late, and a response is there that a timer was to give up waiting for.
TEST_F(EventLoopTest, ServesTheSourceBeforeTimersThatAreDue) {
  struct SeesEvents final : TimerObserver {
    explicit SeesEvents(const FakeSource* fake) : source(*fake) {}
    void OnTimer() override { events.set_value(source.events_); }
    const FakeSource& source;
    std::promise<int> events;
  } timer(&source_);
  RunOnLoop([&] {
    source_.MakeReadable();
    loop_->timers().Add(EventLoop::Clock::now() - milliseconds(1), &timer);
  });
  EXPECT_EQ(timer.events.get_future().get(), 1);
}

TEST_F(EventLoopTest, TimersAreNeverEarly) {
  Latch latch;
  const auto due = EventLoop::Clock::now() + milliseconds(30);
  RunOnLoop([&] { loop_->timers().Add(due, &latch); });
  ASSERT_TRUE(latch.Wait());
  EXPECT_GE(latch.opened_at(), due);
}

TEST_F(EventLoopTest, AnEarlierTimerIsNotDelayedByALaterOne) {
  Latch later;
  Latch earlier;
  RunOnLoop([&] {
    const auto now = EventLoop::Clock::now();
    loop_->timers().Add(now + std::chrono::hours(1), &later);
  });
  LetItSleep();
  RunOnLoop([&] { loop_->timers().Add(EventLoop::Clock::now() + milliseconds(5), &earlier); });
  EXPECT_TRUE(earlier.Wait());
}

TEST_F(EventLoopTest, WatchesSocketsUntilUnwatch) {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  Latch latch;
  EXPECT_EQ(RunOnLoop([&] { return loop_->Watch(fd, &latch); }), absl::OkStatus());
  LetItSleep();
  EXPECT_EQ(eventfd_write(fd, 1), 0);
  EXPECT_TRUE(latch.Wait());
  RunOnLoop([&] { loop_->Unwatch(fd); });
  close(fd);
}

TEST_F(EventLoopTest, WatchFailsForAnInvalidDescriptor) {
  Latch latch;
  EXPECT_FALSE(RunOnLoop([&] { return loop_->Watch(-1, &latch); }).ok());
}

TEST_F(EventLoopTest, DeliversCompletions) {
  struct Call {
    void OnDone(bool ok) { done.set_value(ok); }
    std::promise<bool> done;
  } call;
  MemberTag<Call> tag(&call, &Call::OnDone);
  grpc::Alarm alarm;
  // On the loop: ThreadSanitizer does not see the order that gRPC's queue makes between threads.
  RunOnLoop([&] {
    alarm.Set(loop_->queue(), gpr_inf_past(GPR_CLOCK_MONOTONIC), static_cast<CompletionTag*>(&tag));
  });
  EXPECT_TRUE(call.done.get_future().get());
}

TEST_F(EventLoopTest, LagGrowsWhileATaskBlocksTheLoop) {
  std::promise<void> blocked;
  std::promise<void> go_on;
  loop_->Post([&] {
    blocked.set_value();
    go_on.get_future().wait();
  });
  blocked.get_future().wait();
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_GE(loop_->Lag(), milliseconds(50));
  go_on.set_value();
  RunOnLoop([] {});
  EXPECT_LT(loop_->Lag(), seconds(10));
}

TEST_F(EventLoopTest, AnIdleLoopHasNoLag) {
  const auto until = EventLoop::Clock::now() + milliseconds(1500);
  auto max_lag = std::chrono::nanoseconds(0);
  while (EventLoop::Clock::now() < until) {
    max_lag = std::max(max_lag, loop_->Lag());
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_LT(max_lag, milliseconds(900)) << "it wakes once a second";
}

TEST_F(EventLoopTest, RunsTasksThatWerePostedBeforeTheEnd) {
  std::atomic<int> count{0};
  for (int i = 0; i < 100; ++i) loop_->Post([&] { ++count; });
  ShutDown();
  EXPECT_EQ(count, 100);
  EXPECT_FALSE(loop_->Post([] {})) << "the loop has ended";
}

TEST_F(EventLoopTest, ShutDownGivesUpWhenTheLoopIsStuck) {
  std::promise<void> go_on;
  loop_->Post([&] { go_on.get_future().wait(); });
  server_->Shutdown();
  EXPECT_FALSE(loop_->ShutDown(milliseconds(20)));
  go_on.set_value();
  // It ends all the same; only then may it be destroyed.
  while (loop_->Post([] {})) std::this_thread::yield();
  server_.reset();
  loop_->JoinForTest();
}

}  // namespace
}  // namespace evalrun::event_loop
