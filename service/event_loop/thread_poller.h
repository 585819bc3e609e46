// SPDX-License-Identifier: Apache-2.0
//
// File: thread_poller.h
//
// The CompletionPoller that needs nothing but gRPC's public interface: a second thread waits for
// the descriptor and puts its tag into the completion queue through a grpc::Alarm.
#ifndef EVALRUN_SERVICE_EVENT_LOOP_THREAD_POLLER_H_
#define EVALRUN_SERVICE_EVENT_LOOP_THREAD_POLLER_H_

#include <atomic>
#include <memory>
#include <thread>

#include <absl/status/statusor.h>
#include <grpcpp/alarm.h>

#include "service/event_loop/completion_poller.h"
#include "service/net/unique_fd.h"

namespace evalrun::event_loop {

class ThreadPoller final : public CompletionPoller {
 public:
  // `fd` outlives the poller; `fd_tag` is the tag that stands for it. Fails when there are no
  // descriptors left, with the call and errno.
  static absl::StatusOr<std::unique_ptr<CompletionPoller>> Create(
      std::unique_ptr<grpc::ServerCompletionQueue> queue, int fd, void* fd_tag);
  ~ThreadPoller() override;

  Status TryNext(void** tag, bool* ok) override;
  Status Wait(void** tag, bool* ok) override;
  void Shutdown() override;
  [[nodiscard]] grpc::ServerCompletionQueue* queue() override { return queue_.get(); }

 private:
  ThreadPoller(std::unique_ptr<grpc::ServerCompletionQueue> queue, int fd, void* fd_tag)
      : queue_(std::move(queue)), fd_(fd), fd_tag_(fd_tag) {}

  Status Next(void** tag, bool* ok, gpr_timespec deadline);
  void WatchDescriptor();  // the second thread
  void StopThread();

  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  const int fd_;
  void* const fd_tag_;
  net::UniqueFd epoll_;  // holds fd_, one-shot, and stop_event_
  net::UniqueFd stop_event_;
  grpc::Alarm alarm_;
  std::atomic<bool> armed_{false};       // epoll_ reports fd_ when it becomes readable
  std::atomic<bool> tag_queued_{false};  // the tag is in the queue
  std::thread thread_;
};

}  // namespace evalrun::event_loop

#endif  // EVALRUN_SERVICE_EVENT_LOOP_THREAD_POLLER_H_
