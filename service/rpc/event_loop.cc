#include "service/rpc/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <grpc/support/time.h>

#include "service/rpc/write_batch.h"

namespace evalrun::service {
namespace {

// How many rounds without any event before a thread goes to sleep while requests are in flight.
// Falling asleep and waking up costs more than a few looks, and under load the next event is never
// far.
constexpr int kQuietRounds = 16;
// So that answers of the upstream get their turn when calls keep coming: three calls or so. Under
// overload each answer that waits keeps a place below the in-flight cap.
constexpr int kMostCompletionsPerRound = 8;

gpr_timespec ToGpr(std::optional<EventLoop::Clock::time_point> time) {
  if (!time.has_value()) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  const auto wait = std::chrono::ceil<std::chrono::microseconds>(*time - EventLoop::Clock::now());
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_micros(std::max<std::int64_t>(0, wait.count()), GPR_TIMESPAN));
}

int ToEpollTimeout(std::optional<EventLoop::Clock::time_point> time) {
  if (!time.has_value()) return -1;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*time - EventLoop::Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 3'600'000));
}

int CheckedFd(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return fd;
}

}  // namespace

EventLoop::EventLoop(std::unique_ptr<grpc::ServerCompletionQueue> queue, rest::HttpClient* http)
    : queue_(std::move(queue)),
      http_(http),
      door_fd_(CheckedFd(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      stop_fd_(CheckedFd(eventfd(0, EFD_CLOEXEC), "eventfd")) {
  epoll_event event{};
  event.data.fd = stop_fd_;
  event.events = EPOLLIN;
  epoll_ctl(door_fd_, EPOLL_CTL_ADD, stop_fd_, &event);
  event.data.fd = http_->poll_fd();
  event.events = 0;
  epoll_ctl(door_fd_, EPOLL_CTL_ADD, http_->poll_fd(), &event);
}

EventLoop::~EventLoop() {
  close(stop_fd_);
  close(door_fd_);
}

void EventLoop::Start() {
  grpc_thread_ = std::thread([this] { WorkAtGrpcDoor(); });
  socket_thread_ = std::thread([this] { WorkAtSocketDoor(); });
}

std::unique_lock<std::mutex> EventLoop::Enter() {
  ++visitors_waiting_;
  std::unique_lock room(room_);
  --visitors_waiting_;
  return room;
}

// A thread that is always busy never leaves the room by itself, and a mutex is not fair.
void EventLoop::LetVisitorsIn(std::unique_lock<std::mutex>* room) {
  if (visitors_waiting_ == 0) return;
  room->unlock();
  while (visitors_waiting_ > 0) std::this_thread::yield();
  room->lock();
}

void EventLoop::ShutDown() {
  queue_->Shutdown();
  grpc_thread_.join();
  eventfd_write(stop_fd_, 1);
  socket_thread_.join();
}

bool EventLoop::RunCompletions() {
  void* tag = nullptr;
  bool ok = false;
  for (int i = 0; i < kMostCompletionsPerRound; ++i) {
    switch (queue_->AsyncNext(&tag, &ok, gpr_inf_past(GPR_CLOCK_MONOTONIC))) {
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

bool EventLoop::RunSocketsAndTimers() {
  const bool timers = timers_.RunDue(Clock::now());
  // One answer alone leaves as soon as it is made: its caller need not wait for the log line.
  std::optional<WriteBatch> answers;
  if (http_->Poll() > 1) answers.emplace();
  const bool sockets = http_->RunReady();
  return timers || sockets;
}

std::optional<EventLoop::Clock::time_point> EventLoop::NextWakeUp() const {
  const auto timer = timers_.next();
  const auto http = http_->NextWakeUp();
  if (!timer.has_value()) return http;
  if (!http.has_value()) return timer;
  return std::min(*timer, *http);
}

void EventLoop::ArmSocketDoor() {
  epoll_event event{};
  event.data.fd = http_->poll_fd();
  event.events = EPOLLIN | EPOLLONESHOT;
  epoll_ctl(door_fd_, EPOLL_CTL_MOD, http_->poll_fd(), &event);
}

void EventLoop::WorkAtGrpcDoor() {
  std::unique_lock room(room_);
  for (;;) {
    for (int quiet = 0; quiet < kQuietRounds; ++quiet) {
      LetVisitorsIn(&room);
      const bool completions = RunCompletions();
      if (queue_drained_) return;
      const bool others = RunSocketsAndTimers();
      if (completions || others) quiet = -1;
      // With nothing under way the next event is a new call, and that may be long in coming.
      else if (http_->in_flight() == 0)
        break;
    }
    const gpr_timespec wake_up = ToGpr(NextWakeUp());
    ArmSocketDoor();
    grpc_thread_asleep_ = true;
    room.unlock();

    void* tag = nullptr;
    bool ok = false;
    const auto status = queue_->AsyncNext(&tag, &ok, wake_up);

    room.lock();
    grpc_thread_asleep_ = false;
    if (status == grpc::CompletionQueue::SHUTDOWN) return;
    if (status == grpc::CompletionQueue::GOT_EVENT) {
      static_cast<CompletionTag*>(tag)->OnComplete(ok);
    }
  }
}

void EventLoop::WorkAtSocketDoor() {
  std::optional<Clock::time_point> wake_up;
  for (;;) {
    epoll_event event{};
    const int count = epoll_wait(door_fd_, &event, 1, ToEpollTimeout(wake_up));
    if (count == 1 && event.data.fd == stop_fd_) return;
    wake_up.reset();

    const std::lock_guard room(room_);
    // The other thread is at work: it looks at the sockets too, and arms this door before it
    // sleeps.
    if (!grpc_thread_asleep_) continue;
    while (RunSocketsAndTimers()) {
    }
    // The other thread sleeps until a time that it knew before this work. What is due sooner is due
    // here.
    wake_up = NextWakeUp();
    ArmSocketDoor();
  }
}

}  // namespace evalrun::service
