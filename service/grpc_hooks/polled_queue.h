// File: polled_queue.h
//
// gRPC's completion queue, waiting for one more descriptor: one thread, asleep in Wait(), is woken
// by what its callers do and by what happens at that descriptor alike.
//
// gRPC 1.51 has no setting for it. But it waits in epoll_wait(), on one epoll instance of its own
// (its poller "epoll1"), so this program stands before the C library's epoll_wait(), as ELF lets a
// program do: it has gRPC's instance watch the descriptor, takes the descriptor's events out of
// what gRPC is told, and puts a tag into the queue instead, through a grpc::Alarm. What it saves is
// in service/README.md.
#ifndef EVALRUN_SERVICE_GRPC_HOOKS_POLLED_QUEUE_H_
#define EVALRUN_SERVICE_GRPC_HOOKS_POLLED_QUEUE_H_

#include <atomic>
#include <memory>

#include <grpc/support/time.h>
#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

namespace evalrun::grpc_hooks {

// One at a time in a process. For one thread, unless it says otherwise.
class PolledQueue {
 public:
  using NextStatus = grpc::CompletionQueue::NextStatus;

  // gRPC must be told to use that poller before it starts: it is the default, but for the
  // environment variable GRPC_POLL_STRATEGY.
  static void SelectEpollPoller();

  // `fd` outlives the queue. `fd_tag` is its tag.
  PolledQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue, int fd, void* fd_tag);
  ~PolledQueue();
  PolledQueue(const PolledQueue&) = delete;
  PolledQueue& operator=(const PolledQueue&) = delete;

  // The next tag of gRPC's, without waiting. Does not tell of `fd`: look there afterwards.
  NextStatus TryNext(void** tag, bool* ok);

  // Waits for the next tag. `fd_tag` comes when `fd` becomes readable after a TryNext(): before it
  // waits, the caller looks at the queue, then at `fd`, and finds nothing.
  NextStatus Wait(void** tag, bool* ok, gpr_timespec deadline);

  // From here on nothing may be begun with the queue, and `fd` is no longer told of. Go on with
  // Wait() until it says SHUTDOWN.
  void Shutdown();

  // For gRPC's calls. Thread-safe.
  [[nodiscard]] grpc::ServerCompletionQueue* get() { return queue_.get(); }

  // For the function that stands before epoll_wait(): has gRPC's epoll instance watch the
  // descriptor, and puts its tag into the queue. The latter is thread-safe.
  void AddToEpoll(int epoll_fd);
  void OnReadable();

 private:
  NextStatus Next(void** tag, bool* ok, gpr_timespec deadline);

  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  const int fd_;
  void* const fd_tag_;
  grpc::Alarm alarm_;
  std::atomic<bool> is_notified_{false};  // the tag is in the queue
  std::atomic<bool> is_shut_down_{false};
};

}  // namespace evalrun::grpc_hooks

#endif  // EVALRUN_SERVICE_GRPC_HOOKS_POLLED_QUEUE_H_
