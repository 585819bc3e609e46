// SPDX-License-Identifier: Apache-2.0
//
// File: polled_queue.h
//
// A gRPC completion queue that also waits for one more descriptor: a thread in Wait() is woken by
// completions and by that descriptor alike.
//
// gRPC 1.51 waits in epoll_wait(), on one epoll instance of its own (its poller "epoll1"). The
// interposed epoll_wait() adds the descriptor to that instance, removes the descriptor's events
// from what gRPC receives, and puts a tag into the queue instead, through a grpc::Alarm. When the
// kernel refuses to add the descriptor, Wait() returns its tag every few milliseconds.
//
// gRPC may have another thread that waits there: while a write waits for its client to read, its
// backup poller (run_poller() in tcp_posix.cc). While the queue's thread works on calls, that
// thread would read more of them without end. So while a ReadBudget exists (read_budget.h), it
// learns of no events, and the queue's thread of a few at once: gRPC lets other threads handle what
// is left.
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

  // See hooks.h.
  static void SelectEpollPoller();
  // Whether gRPC's poller calls the interposed epoll_wait() on the thread that waits. Starts gRPC.
  [[nodiscard]] static bool GrpcCallsEpollWait();
  // Whether there is a queue of this kind in the process. Thread-safe.
  [[nodiscard]] static bool exists();

  // `fd` outlives the queue. `fd_tag` is its tag.
  PolledQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue, int fd, void* fd_tag);
  ~PolledQueue();
  PolledQueue(const PolledQueue&) = delete;
  PolledQueue& operator=(const PolledQueue&) = delete;

  // The next completion, without waiting. Never returns `fd_tag`, and forgets that `fd` has become
  // readable: check `fd` afterwards.
  NextStatus TryNext(void** tag, bool* ok);

  // Waits for the next tag. `fd_tag` comes when `fd` becomes readable after a TryNext(): before it
  // waits, the caller calls TryNext(), then reads from `fd`, and finds nothing in both.
  NextStatus Wait(void** tag, bool* ok, gpr_timespec deadline);

  // From here on no operation may be started with the queue, and `fd` is not watched any more. Call
  // Wait() until it returns SHUTDOWN.
  void Shutdown();

  // For gRPC's calls. Thread-safe.
  [[nodiscard]] grpc::ServerCompletionQueue* get() { return queue_.get(); }

  // For the interposed epoll_wait(): adds the descriptor to gRPC's epoll instance; puts its tag
  // into the queue. The latter is thread-safe.
  void AddToEpoll(int epoll_fd);
  void OnReadable();

 private:
  NextStatus Next(void** tag, bool* ok, gpr_timespec deadline);

  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  const int fd_;
  void* const fd_tag_;
  grpc::Alarm alarm_;
  bool is_unwatched_ = false;             // epoll_ctl() failed
  std::atomic<bool> is_notified_{false};  // the tag is in the queue
  std::atomic<bool> is_shut_down_{false};
};

}  // namespace evalrun::grpc_hooks

#endif  // EVALRUN_SERVICE_GRPC_HOOKS_POLLED_QUEUE_H_
