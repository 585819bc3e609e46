// SPDX-License-Identifier: Apache-2.0

#include "service/event_loop/thread_poller.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <utility>

namespace evalrun::event_loop {

absl::StatusOr<std::unique_ptr<CompletionPoller>> ThreadPoller::Create(
    std::unique_ptr<grpc::ServerCompletionQueue> queue, int fd, void* fd_tag) {
  std::unique_ptr<ThreadPoller> poller(new ThreadPoller(std::move(queue), fd, fd_tag));
  poller->epoll_ = net::UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!poller->epoll_.ok()) return absl::ErrnoToStatus(errno, "epoll_create1");
  poller->stop_event_ = net::UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!poller->stop_event_.ok()) return absl::ErrnoToStatus(errno, "eventfd");
  for (const int watched : {fd, poller->stop_event_.get()}) {
    epoll_event event{};
    event.events = watched == fd ? static_cast<std::uint32_t>(EPOLLONESHOT) : EPOLLIN;
    event.data.fd = watched;
    if (epoll_ctl(poller->epoll_.get(), EPOLL_CTL_ADD, watched, &event) != 0) {
      return absl::ErrnoToStatus(errno, "epoll_ctl");
    }
  }
  poller->thread_ = std::thread([p = poller.get()] { p->WatchDescriptor(); });
  return poller;
}

ThreadPoller::~ThreadPoller() { StopThread(); }

void ThreadPoller::StopThread() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_event_.get(), 1);  // cannot fail: nothing else is written to it
  thread_.join();
}

CompletionPoller::Status ThreadPoller::TryNext(void** tag, bool* ok) {
  return Next(tag, ok, gpr_inf_past(GPR_CLOCK_MONOTONIC));
}

CompletionPoller::Status ThreadPoller::Wait(void** tag, bool* ok) {
  if (thread_.joinable() && !armed_.exchange(true)) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLONESHOT;
    event.data.fd = fd_;
    // Fails only for invalid arguments: the descriptor was added by Create().
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd_, &event);
  }
  return Next(tag, ok, gpr_inf_future(GPR_CLOCK_MONOTONIC));
}

CompletionPoller::Status ThreadPoller::Next(void** tag, bool* ok, gpr_timespec deadline) {
  const Status status = queue_->AsyncNext(tag, ok, deadline);
  if (status == Status::GOT_EVENT && *tag == fd_tag_) tag_queued_ = false;
  return status;
}

void ThreadPoller::WatchDescriptor() {
  pthread_setname_np(pthread_self(), "socket-poll");  // fails only for names that are too long
  for (;;) {
    epoll_event event{};
    const int count = epoll_wait(epoll_.get(), &event, 1, -1);
    if (count < 0) {
      if (errno == EINTR) continue;
      return;  // the descriptor is invalid: a bug
    }
    if (event.data.fd == stop_event_.get()) return;
    armed_ = false;
    if (!tag_queued_.exchange(true)) {
      alarm_.Set(queue_.get(), gpr_inf_past(GPR_CLOCK_MONOTONIC), fd_tag_);
    }
  }
}

void ThreadPoller::Shutdown() {
  // First the thread: an alarm must not be set once the queue is shut down.
  StopThread();
  queue_->Shutdown();
}

}  // namespace evalrun::event_loop
