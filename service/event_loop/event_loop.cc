#include "service/event_loop/event_loop.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <grpc/support/time.h>

#include "service/grpc_hooks/read_budget.h"
#include "service/grpc_hooks/write_batch.h"

namespace evalrun::event_loop {
namespace {

// How many rounds without any event before the thread goes to sleep. More would spare a wake-up
// only where the upstream answers within microseconds.
constexpr int kIdleRounds = 2;
// So that answers of the upstream get their turn when calls keep coming: three calls or so. Under
// overload each answer that waits keeps a place below the in-flight cap.
constexpr int kMaxCompletionsPerRound = 8;
// What a connection gives in its turn: some thirty calls.
constexpr std::size_t kReadQuantumBytes = 4096;

gpr_timespec ToGpr(std::optional<EventLoop::Clock::time_point> time) {
  if (!time.has_value()) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  const auto wait = std::chrono::ceil<std::chrono::microseconds>(*time - EventLoop::Clock::now());
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_micros(std::max<std::int64_t>(0, wait.count()), GPR_TIMESPAN));
}

}  // namespace

EventLoop::EventLoop(std::unique_ptr<grpc::ServerCompletionQueue> queue, http::HttpClient* http,
                     std::chrono::nanoseconds max_receive_wait)
    : http_(http),
      queue_(std::move(queue), http->poll_fd(), static_cast<CompletionTag*>(&sockets_ready_)),
      receive_queues_(max_receive_wait) {}

void EventLoop::Start() {
  thread_ = std::thread([this] { Run(); });
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
  stop_alarm_.Set(queue_.get(), gpr_inf_past(GPR_CLOCK_MONOTONIC),
                  static_cast<CompletionTag*>(&stop_));
  thread_.join();
}

void EventLoop::OnStop(bool /*ok*/) { queue_.Shutdown(); }

bool EventLoop::RunCompletions() {
  void* tag = nullptr;
  bool ok = false;
  for (int i = 0; i < kMaxCompletionsPerRound; ++i) {
    switch (queue_.TryNext(&tag, &ok)) {
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
  std::optional<grpc_hooks::WriteBatch> answers;
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

void EventLoop::Run() {
  const grpc_hooks::ReadBudget budget(kReadQuantumBytes, &receive_queues_);
  std::unique_lock room(room_);
  for (;;) {
    for (int quiet = 0; quiet < kIdleRounds; ++quiet) {
      LetVisitorsIn(&room);
      const bool completions = RunCompletions();
      if (queue_drained_) return;
      const bool others = RunSocketsAndTimers();
      if (completions || others) quiet = -1;
    }
    const gpr_timespec wake_up = ToGpr(NextWakeUp());
    room.unlock();

    void* tag = nullptr;
    bool ok = false;
    const auto status = queue_.Wait(&tag, &ok, wake_up);

    room.lock();
    if (status == grpc::CompletionQueue::SHUTDOWN) return;
    if (status == grpc::CompletionQueue::GOT_EVENT) {
      static_cast<CompletionTag*>(tag)->OnComplete(ok);
    }
  }
}

}  // namespace evalrun::event_loop
