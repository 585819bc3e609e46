// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_hooks/polled_queue.h"

#include <sys/epoll.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "service/grpc_hooks/c_library.h"
#include "service/grpc_hooks/read_budget.h"

namespace evalrun::grpc_hooks {
namespace {

// How often Wait() returns when the descriptor cannot be watched.
constexpr int kUnwatchedWaitMs = 5;

// How long another thread that gRPC chooses as its poller sleeps before it gives that role back.
constexpr auto kOtherPollerPause = std::chrono::microseconds(100);

// gRPC handles the events of one epoll_wait() on whichever of its threads comes first: while the
// queue's thread works on calls, another one handles the rest.
constexpr int kMaxEventsAtOnce = 8;
constexpr int kMaxEventsPerRound = 96;

// The queue that exists, and gRPC's epoll instance once it watches the queue's descriptor. Threads
// of gRPC that wait elsewhere call the interposed function, too, and outlive the queue: they read
// `grpc_epoll_fd` only.
std::atomic<PolledQueue*> the_queue{nullptr};
std::atomic<int> grpc_epoll_fd{-1};

// What this thread does with the queue.
enum class Activity { kOther, kTrying, kWaiting, kProbing, kProbed };
thread_local Activity activity = Activity::kOther;

// Of a round of reading (read_budget.h). 0: the next epoll_wait() begins one.
thread_local int events_left_in_round = 0;

class ActivityScope {
 public:
  explicit ActivityScope(Activity now) { activity = now; }
  ~ActivityScope() { activity = Activity::kOther; }
  ActivityScope(const ActivityScope&) = delete;
  ActivityScope& operator=(const ActivityScope&) = delete;
};

// Removes the event of `queue` from `events`; true when there was one. The events are gRPC's, which
// orders its threads by means that ThreadSanitizer does not see.
__attribute__((no_sanitize_thread)) bool RemoveEvent(const PolledQueue* queue, epoll_event* events,
                                                     int* count) {
  for (int i = 0; i < *count; ++i) {
    if (events[i].data.ptr != queue) continue;
    events[i] = events[--*count];
    return true;
  }
  return false;
}

int WaitForEvents(int epoll_fd, epoll_event* events, int max_events, int timeout_ms) {
  if (activity == Activity::kProbing) activity = Activity::kProbed;
  const bool is_queue = activity == Activity::kTrying || activity == Activity::kWaiting;
  if (is_queue && grpc_epoll_fd < 0) the_queue.load()->AddToEpoll(epoll_fd);
  if (epoll_fd != grpc_epoll_fd) {
    return c_library::EpollWait(epoll_fd, events, max_events, timeout_ms);
  }
  if (ReadBudget::IsOfAnotherThread()) {
    if (timeout_ms != 0) std::this_thread::sleep_for(kOtherPollerPause);
    return 0;  // no events: gRPC lets the queue's thread poll next, if that one waits
  }
  if (events_left_in_round > 0 || ReadBudget::BeginPollRound()) timeout_ms = 0;
  if (events_left_in_round <= 0) events_left_in_round = kMaxEventsPerRound;
  const int max_count = std::min(max_events, kMaxEventsAtOnce);
  int count = c_library::EpollWait(epoll_fd, events, max_count, timeout_ms);
  events_left_in_round = count == max_count ? events_left_in_round - count : 0;
  PolledQueue* queue = the_queue;
  // Any thread of gRPC may be the one that waits for all of them, at a shutdown for example.
  if (RemoveEvent(queue, events, &count) && activity != Activity::kTrying) queue->OnReadable();
  return count;
}

}  // namespace

void PolledQueue::SelectEpollPoller() {
  setenv("GRPC_POLL_STRATEGY", "epoll1", 1);  // fails without memory; Verify() notices
}

bool PolledQueue::GrpcCallsEpollWait() {
  grpc::CompletionQueue queue;
  const ActivityScope probing(Activity::kProbing);
  void* tag = nullptr;
  bool ok = false;
  const gpr_timespec deadline =
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(1, GPR_TIMESPAN));
  queue.AsyncNext(&tag, &ok, deadline);
  const bool is_called = activity == Activity::kProbed;
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return is_called;
}

bool PolledQueue::exists() { return the_queue != nullptr; }

PolledQueue::PolledQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue, int fd, void* fd_tag)
    : queue_(std::move(queue)), fd_(fd), fd_tag_(fd_tag) {
  the_queue = this;
}

PolledQueue::~PolledQueue() {
  const int epoll_fd = grpc_epoll_fd.exchange(-1);
  if (epoll_fd >= 0)
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd_, nullptr);  // fails if it was never added
  the_queue = nullptr;
}

PolledQueue::NextStatus PolledQueue::TryNext(void** tag, bool* ok) {
  const ActivityScope trying(Activity::kTrying);
  return Next(tag, ok, gpr_inf_past(GPR_CLOCK_MONOTONIC));
}

PolledQueue::NextStatus PolledQueue::Wait(void** tag, bool* ok, gpr_timespec deadline) {
  const ActivityScope waiting(Activity::kWaiting);
  if (!is_unwatched_ || is_shut_down_) return Next(tag, ok, deadline);
  const gpr_timespec soon = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                         gpr_time_from_millis(kUnwatchedWaitMs, GPR_TIMESPAN));
  const NextStatus status = Next(tag, ok, gpr_time_cmp(soon, deadline) < 0 ? soon : deadline);
  if (status != NextStatus::TIMEOUT) return status;
  *tag = fd_tag_;
  *ok = true;
  return NextStatus::GOT_EVENT;
}

PolledQueue::NextStatus PolledQueue::Next(void** tag, bool* ok, gpr_timespec deadline) {
  const NextStatus status = queue_->AsyncNext(tag, ok, deadline);
  if (status == NextStatus::GOT_EVENT && *tag == fd_tag_) is_notified_ = false;
  return status;
}

void PolledQueue::Shutdown() {
  is_shut_down_ = true;
  queue_->Shutdown();
}

// Edge-triggered: gRPC would not sleep as long as the descriptor is readable.
void PolledQueue::AddToEpoll(int epoll_fd) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = this;
  is_unwatched_ = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd_, &event) != 0;
  grpc_epoll_fd = epoll_fd;
}

void PolledQueue::OnReadable() {
  if (is_shut_down_ || is_notified_.exchange(true)) return;
  alarm_.Set(queue_.get(), gpr_inf_past(GPR_CLOCK_MONOTONIC), fd_tag_);
}

}  // namespace evalrun::grpc_hooks

extern "C" int epoll_wait(int epoll_fd, epoll_event* events, int max_events, int timeout_ms) {
  return evalrun::grpc_hooks::WaitForEvents(epoll_fd, events, max_events, timeout_ms);
}
