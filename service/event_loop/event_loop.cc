// SPDX-License-Identifier: Apache-2.0

#include "service/event_loop/event_loop.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace evalrun::event_loop {
namespace {

// Iterations without any event before the thread sleeps. More would spare a wake-up only where the
// upstream responds within microseconds.
constexpr int kQuietIterations = 2;
// So that the upstream's responses get their turn while calls keep coming: about three calls. Under
// overload each response that waits keeps a slot of the in-flight limit occupied.
constexpr int kMaxCompletionsPerIteration = 8;
// The longest sleep: a loop that has nothing to do still shows that it works.
constexpr auto kMaxSleep = std::chrono::seconds(1);
// How often a busy loop looks at the watched sockets.
constexpr auto kDescriptorCheckInterval = std::chrono::milliseconds(1);

absl::Status AddToEpoll(int epoll_fd, int fd, SocketObserver* observer) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = observer;
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "epoll_ctl");
}

}  // namespace

EventLoop::EventLoop(EventSource* source)
    : source_(source), watchdog_(Clock::now()), descriptors_checked_at_(Clock::now()) {}

EventLoop::~EventLoop() = default;

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Create(const MakePoller& make_poller,
                                                             EventSource* source) {
  std::unique_ptr<EventLoop> loop(new EventLoop(source));
  loop->wake_event_ = net::UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!loop->wake_event_.ok()) return absl::ErrnoToStatus(errno, "eventfd");
  loop->wake_timer_ = net::UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!loop->wake_timer_.ok()) return absl::ErrnoToStatus(errno, "timerfd_create");
  loop->epoll_ = net::UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!loop->epoll_.ok()) return absl::ErrnoToStatus(errno, "epoll_create1");
  for (const int fd : {loop->wake_event_.get(), loop->wake_timer_.get(), source->poll_fd()}) {
    if (absl::Status status = AddToEpoll(loop->epoll_.get(), fd, nullptr); !status.ok()) {
      return status;
    }
  }
  auto poller =
      make_poller(loop->epoll_.get(), static_cast<CompletionTag*>(&loop->descriptor_ready_));
  if (!poller.ok()) return poller.status();
  loop->poller_ = *std::move(poller);
  return loop;
}

void EventLoop::Start() {
  thread_ = std::thread([this] { Run(); });
  thread_id_ = thread_.get_id();
}

bool EventLoop::IsLoopThread() const {
  const std::thread::id id = thread_id_;
  return id == std::thread::id() || id == std::this_thread::get_id();
}

void EventLoop::CheckLoopThread() const { assert(IsLoopThread()); }

bool EventLoop::Post(Task task) {
  {
    const std::lock_guard lock(tasks_mutex_);
    if (!accepts_tasks_) return false;
    tasks_.push_back(std::move(task));
    has_tasks_ = true;
  }
  if (sleeping_.exchange(false)) {
    ++wake_events_written_;
    eventfd_write(wake_event_.get(), 1);  // fails only at 2^64 - 1 unread writes
  }
  return true;
}

absl::Status EventLoop::Watch(int fd, SocketObserver* observer) {
  CheckLoopThread();
  return AddToEpoll(epoll_.get(), fd, observer);
}

void EventLoop::Unwatch(int fd) {
  CheckLoopThread();
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);  // fails only when it is not watched
}

bool EventLoop::ShutDown(std::chrono::milliseconds timeout) {
  std::future<void> ended = ended_.get_future();
  Post([this] { poller_->Shutdown(); });
  if (ended.wait_for(timeout) != std::future_status::ready) return false;
  thread_.join();
  thread_id_ = std::thread::id();
  return true;
}

void EventLoop::Run() {
  thread_id_ = std::this_thread::get_id();
  pthread_setname_np(pthread_self(), "event-loop");  // fails only for names that are too long
  poller_->BindToThread();
  while (!queue_drained_) {
    for (int quiet = 0; quiet < kQuietIterations && !queue_drained_; ++quiet) {
      const Clock::time_point now = Clock::now();
      watchdog_.OnIteration(now);
      const bool tasks = RunTasks();
      const bool completions = RunCompletions();
      const bool others = RunSourceAndTimers(now);
      if (tasks || completions || others) quiet = -1;
    }
    if (!queue_drained_) WaitForEvents();
  }
  {
    const std::lock_guard lock(tasks_mutex_);
    accepts_tasks_ = false;
  }
  RunTasks();
  poller_->UnbindFromThread();
  ended_.set_value();
}

bool EventLoop::RunTasks() {
  if (!has_tasks_.load(std::memory_order_acquire)) return false;
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(tasks_mutex_);
    tasks.swap(tasks_);
    has_tasks_ = false;
  }
  for (Task& task : tasks) task();
  return true;
}

bool EventLoop::RunCompletions() {
  void* tag = nullptr;
  bool ok = false;
  for (int i = 0; i < kMaxCompletionsPerIteration; ++i) {
    switch (poller_->TryNext(&tag, &ok)) {
      case grpc::CompletionQueue::GOT_EVENT:
        static_cast<CompletionTag*>(tag)->OnComplete(ok);
        break;
      case grpc::CompletionQueue::SHUTDOWN:
        queue_drained_ = true;
        return false;
      case grpc::CompletionQueue::TIMEOUT:
        return i > 0;
    }
  }
  return true;
}

bool EventLoop::RunSourceAndTimers(Clock::time_point now) {
  // A single response leaves as soon as it is made: its caller need not wait for the log line.
  std::optional<ResponseBatch> responses;
  if (source_->Poll() > 1) responses.emplace(poller_.get());
  const bool sockets = source_->RunReady();
  responses.reset();
  // After the sockets: a response that has arrived counts, however late this thread is.
  const bool timers = timers_.RunDue(now);
  bool observers = false;
  if (check_descriptors_ || now - descriptors_checked_at_ >= kDescriptorCheckInterval) {
    descriptors_checked_at_ = now;
    observers = RunObservers();
  }
  return timers || sockets || observers;
}

bool EventLoop::RunObservers() {
  check_descriptors_ = false;
  std::array<epoll_event, 16> events{};
  const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  bool any = false;
  for (int i = 0; i < count; ++i) {
    // None for the loop's own descriptors and the source, which are served without.
    auto* observer = static_cast<SocketObserver*>(events[static_cast<std::size_t>(i)].data.ptr);
    if (observer == nullptr) continue;
    observer->OnReadable();
    any = true;
  }
  return any;
}

void EventLoop::SetWakeUp(Clock::time_point time) {
  const auto since_epoch = std::max(time.time_since_epoch(), Clock::duration(1));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  itimerspec spec{};
  spec.it_value.tv_sec = seconds.count();
  spec.it_value.tv_nsec = std::chrono::nanoseconds(since_epoch - seconds).count();
  // Fails only for invalid arguments. It also clears an earlier expiration.
  timerfd_settime(wake_timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
  wake_up_ = time;
}

void EventLoop::ReadWakeEvents() {
  if (wake_events_read_ == wake_events_written_) return;
  eventfd_t count = 0;
  // A write that has been announced but not made yet is read the next time.
  if (eventfd_read(wake_event_.get(), &count) == 0) wake_events_read_ += count;
}

void EventLoop::WaitForEvents() {
  // TryNext() may have consumed the readiness of a watched socket (completion_poller.h).
  if (RunObservers()) return;
  const Clock::time_point now = Clock::now();
  Clock::time_point due = now + kMaxSleep;
  if (const auto timer = timers_.next()) due = std::min(due, *timer);
  if (const auto source = source_->NextWakeUp()) due = std::min(due, *source);
  // An earlier wake-up for nothing costs less than setting the timer for every call.
  if (!wake_up_.has_value() || *wake_up_ > due || *wake_up_ <= now) SetWakeUp(due);
  watchdog_.OnSleep(*wake_up_);

  sleeping_ = true;
  if (has_tasks_) {
    sleeping_ = false;
    ReadWakeEvents();
    return;
  }
  void* tag = nullptr;
  bool ok = false;
  const CompletionPoller::Status status = poller_->Wait(&tag, &ok);
  sleeping_ = false;
  watchdog_.OnIteration(Clock::now());
  ReadWakeEvents();
  if (status == grpc::CompletionQueue::SHUTDOWN) {
    queue_drained_ = true;
  } else if (status == grpc::CompletionQueue::GOT_EVENT) {
    static_cast<CompletionTag*>(tag)->OnComplete(ok);
  }
}

}  // namespace evalrun::event_loop
