#include "service/grpc_hooks/polled_queue.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "service/grpc_hooks/read_budget.h"

namespace evalrun::grpc_hooks {
namespace {

// The queue that there is, and gRPC's epoll instance once it watches the queue's descriptor.
// Threads of gRPC's that wait elsewhere come through here, too, and outlive the queue: they look no
// further.
std::atomic<PolledQueue*> the_queue{nullptr};
std::atomic<int> grpc_epoll_fd{-1};

// What this thread is activity with the queue.
enum class QueueActivity { kOther, kPolling, kWaiting };
thread_local QueueActivity activity = QueueActivity::kOther;

class ScopedActivity {
 public:
  explicit ScopedActivity(QueueActivity what) { activity = what; }
  ~ScopedActivity() { activity = QueueActivity::kOther; }
  ScopedActivity(const ScopedActivity&) = delete;
  ScopedActivity& operator=(const ScopedActivity&) = delete;
};

// Takes the event of `queue` out of `events`; true when there was one. The events are gRPC's, which
// orders its threads by means that ThreadSanitizer does not see.
__attribute__((no_sanitize_thread)) bool ExtractEvent(const PolledQueue* queue, epoll_event* events,
                                                      int* count) {
  for (int i = 0; i < *count; ++i) {
    if (events[i].data.ptr != queue) continue;
    events[i] = events[--*count];
    return true;
  }
  return false;
}

int WaitForEvents(int epoll_fd, epoll_event* events, int most, int timeout_ms) {
  if (activity != QueueActivity::kOther && grpc_epoll_fd < 0)
    the_queue.load()->AddToEpoll(epoll_fd);
  int count =
      static_cast<int>(syscall(SYS_epoll_pwait, epoll_fd, events, most, timeout_ms, nullptr, 0));
  if (epoll_fd != grpc_epoll_fd) return count;
  ReadBudget::BeginPollRound();
  PolledQueue* queue = the_queue;
  // Any thread of gRPC's may be the one that waits for all of them, at a shutdown for example.
  if (ExtractEvent(queue, events, &count) && activity != QueueActivity::kPolling)
    queue->OnReadable();
  return count;
}

}  // namespace

void PolledQueue::SelectEpollPoller() { setenv("GRPC_POLL_STRATEGY", "epoll1", 1); }

PolledQueue::PolledQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue, int fd, void* fd_tag)
    : queue_(std::move(queue)), fd_(fd), fd_tag_(fd_tag) {
  the_queue = this;
}

PolledQueue::~PolledQueue() {
  const int epoll_fd = grpc_epoll_fd.exchange(-1);
  if (epoll_fd >= 0) epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd_, nullptr);
  the_queue = nullptr;
}

PolledQueue::NextStatus PolledQueue::TryNext(void** tag, bool* ok) {
  const ScopedActivity looking(QueueActivity::kPolling);
  return Next(tag, ok, gpr_inf_past(GPR_CLOCK_MONOTONIC));
}

PolledQueue::NextStatus PolledQueue::Wait(void** tag, bool* ok, gpr_timespec deadline) {
  const ScopedActivity waiting(QueueActivity::kWaiting);
  return Next(tag, ok, deadline);
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

// Edge-triggered: as long as it is readable, gRPC would not sleep.
void PolledQueue::AddToEpoll(int epoll_fd) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = this;
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd_, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
  grpc_epoll_fd = epoll_fd;
}

void PolledQueue::OnReadable() {
  if (is_shut_down_ || is_notified_.exchange(true)) return;
  alarm_.Set(queue_.get(), gpr_inf_past(GPR_CLOCK_MONOTONIC), fd_tag_);
}

}  // namespace evalrun::grpc_hooks

extern "C" int epoll_wait(int epoll_fd, epoll_event* events, int most, int timeout_ms) {
  return evalrun::grpc_hooks::WaitForEvents(epoll_fd, events, most, timeout_ms);
}
