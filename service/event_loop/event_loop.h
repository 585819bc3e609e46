// SPDX-License-Identifier: Apache-2.0
//
// File: event_loop.h
//
// All calls, transfers and timers belong to this loop and run on its thread. Other threads post
// tasks to it. An iteration:
//
//   posted tasks -> gRPC's completions -> the HTTP client's sockets -> timers that are due
//
// After a few iterations without any event the thread waits in the completion queue, which the
// loop's own descriptors wake as well (completion_poller.h). A call therefore costs no hand-over
// between threads. ../README.md compares this arrangement with others.
#ifndef EVALRUN_SERVICE_EVENT_LOOP_EVENT_LOOP_H_
#define EVALRUN_SERVICE_EVENT_LOOP_EVENT_LOOP_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <grpcpp/completion_queue.h>

#include "service/event_loop/completion_poller.h"
#include "service/event_loop/event_source.h"
#include "service/event_loop/timer_queue.h"
#include "service/event_loop/watchdog.h"
#include "service/net/unique_fd.h"

namespace evalrun::event_loop {

// A tag of the completion queue.
class CompletionTag {
 public:
  virtual void OnComplete(bool ok) = 0;

 protected:
  ~CompletionTag() = default;
};

// One that calls a member function of a call.
template <typename Call>
class MemberTag final : public CompletionTag {
 public:
  MemberTag(Call* call, void (Call::*handler)(bool)) : call_(call), handler_(handler) {}
  void OnComplete(bool ok) override { (call_->*handler_)(ok); }

 private:
  Call* call_;
  void (Call::*handler_)(bool);
};

// Thread-safe where stated; everything else may be used on the loop's thread only, and before
// Start() on the thread that made the loop. Debug builds check it.
class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using Task = std::function<void()>;
  // Makes the poller for the loop's descriptor and the tag that stands for it.
  using MakePoller =
      std::function<absl::StatusOr<std::unique_ptr<CompletionPoller>>(int fd, void* fd_tag)>;

  // Every tag of the poller's queue is a CompletionTag*. `source` outlives the loop. Fails when
  // there are no descriptors left, with the call and errno.
  static absl::StatusOr<std::unique_ptr<EventLoop>> Create(const MakePoller& make_poller,
                                                           EventSource* source);
  // ShutDown() must have returned, or Start() never been called.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Starts the thread.
  void Start();

  // Runs `task` on the loop's thread, in the order of the calls. Never waits for the loop.
  // Thread-safe. False when the loop has ended: `task` is not run.
  bool Post(Task task);

  // Whether the caller may use what belongs to the loop. Thread-safe.
  [[nodiscard]] bool IsLoopThread() const;

  // Calls `observer` whenever `fd` is readable, until Unwatch(). Both outlive it. Readable
  // descriptors are noticed within a millisecond while the loop is busy.
  absl::Status Watch(int fd, SocketObserver* observer);
  void Unwatch(int fd);

  [[nodiscard]] TimerQueue& timers() {
    CheckLoopThread();
    return timers_;
  }

  // For gRPC's calls. Thread-safe.
  [[nodiscard]] grpc::ServerCompletionQueue* queue() { return poller_->queue(); }

  // Shuts the completion queue down, takes out what is left in it, and ends the thread. The server
  // must have been shut down. False, and the thread goes on, when it takes longer than `timeout`:
  // the process can then only end without destroying the loop. Not from the loop's thread.
  [[nodiscard]] bool ShutDown(std::chrono::milliseconds timeout);

  // After a ShutDown() that returned false, in a test that has let the loop go on.
  void JoinForTest() {
    if (thread_.joinable()) thread_.join();
  }

  // How long the loop has been without an iteration that was due. Never waits. Thread-safe.
  [[nodiscard]] std::chrono::nanoseconds Lag() const { return watchdog_.Lag(Clock::now()); }

  // Iterations that have begun so far. Thread-safe.
  [[nodiscard]] std::uint64_t iterations() const { return watchdog_.iterations(); }

  // Connections that were closed because they waited too long under overload. Thread-safe.
  [[nodiscard]] std::uint64_t connections_shed() const { return poller_->connections_shed(); }

 private:
  explicit EventLoop(EventSource* source);

  void CheckLoopThread() const;
  void OnDescriptorReady(bool /*ok*/) { check_descriptors_ = true; }

  void Run();
  bool RunTasks();
  bool RunCompletions();  // without waiting; true when there was one
  bool RunSourceAndTimers(Clock::time_point now);
  bool RunObservers();
  void WaitForEvents();
  void SetWakeUp(Clock::time_point time);
  void ReadWakeEvents();

  MemberTag<EventLoop> descriptor_ready_{this, &EventLoop::OnDescriptorReady};
  EventSource* const source_;
  net::UniqueFd wake_event_;  // an eventfd: a task was posted while the loop slept
  net::UniqueFd wake_timer_;  // a timerfd: the next wake-up. epoll_wait()'s own timeout may be late
                              // by a part of its length (timer slack), this one is not
  net::UniqueFd epoll_;       // holds both, the source's descriptor, and the watched sockets
  std::unique_ptr<CompletionPoller> poller_;
  TimerQueue timers_;
  Watchdog watchdog_;
  std::optional<Clock::time_point> wake_up_;  // what wake_timer_ is set to
  bool check_descriptors_ = false;
  Clock::time_point descriptors_checked_at_;
  bool queue_drained_ = false;

  std::mutex tasks_mutex_;
  std::vector<Task> tasks_;    // guarded by tasks_mutex_
  bool accepts_tasks_ = true;  // guarded by tasks_mutex_
  std::atomic<bool> has_tasks_{false};
  std::atomic<bool> sleeping_{false};
  std::atomic<std::uint64_t> wake_events_written_{0};
  std::uint64_t wake_events_read_ = 0;

  std::atomic<std::thread::id> thread_id_;
  std::promise<void> ended_;
  std::thread thread_;
};

}  // namespace evalrun::event_loop

#endif  // EVALRUN_SERVICE_EVENT_LOOP_EVENT_LOOP_H_
