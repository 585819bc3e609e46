// File: event_loop.h
//
// One room, and one thread that works in it. All calls, transfers and timers live in the room, and
// whoever works on them holds its lock; others come for a short visit only (Enter()).
//
//   look at the completion queue -> look at the HTTP client's sockets, and at what is due -> ...
//
// until all has been quiet for a few rounds. Then the thread leaves the room and waits in the
// completion queue, which is woken by the sockets, too (polled_queue.h). So a call costs no
// hand-over between threads, and no lock is contended; when calls are sparse, it costs the two
// wake-ups that it must: one when it arrives, and one when the upstream answers.
// Measured against other arrangements in service/README.md.
#ifndef EVALRUN_SERVICE_EVENT_LOOP_EVENT_LOOP_H_
#define EVALRUN_SERVICE_EVENT_LOOP_EVENT_LOOP_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include "rest_backend/http/http_client.h"
#include "service/event_loop/timer_queue.h"
#include "service/grpc_hooks/polled_queue.h"
#include "service/grpc_hooks/receive_queues.h"

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

// Thread-safe where it says so; everything else is used inside the room.
class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;

  // Every tag of `queue` is a CompletionTag*. `http` outlives the loop. `max_receive_wait`: see
  // ReceiveQueues.
  EventLoop(std::unique_ptr<grpc::ServerCompletionQueue> queue, http::HttpClient* http,
            std::chrono::nanoseconds max_receive_wait);
  // The queue must have been shut down (ShutDown()) and drained, or Start() never called.
  ~EventLoop() = default;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Starts the thread. From here on the room may only be entered with the lock.
  void Start();

  // The lock of the room, for a short visit. Thread-safe.
  [[nodiscard]] std::unique_lock<std::mutex> Enter();

  // Shuts the queue down, lets what is in it come out, and ends the thread. The server must have
  // been shut down. Thread-safe.
  void ShutDown();

  [[nodiscard]] grpc::ServerCompletionQueue* queue() { return queue_.get(); }
  [[nodiscard]] http::HttpClient& http() { return *http_; }
  [[nodiscard]] TimerQueue& timers() { return timers_; }

  // How many connections of callers were ended under overload. Thread-safe.
  [[nodiscard]] std::uint64_t connections_shed() const { return receive_queues_.ended(); }

 private:
  void OnSocketsReady(bool /*ok*/) {}  // the next round looks at them
  void OnStop(bool ok);

  void Run();
  bool RunCompletions();  // without waiting; true when there was one
  bool RunSocketsAndTimers();
  [[nodiscard]] std::optional<Clock::time_point> NextWakeUp() const;
  void LetVisitorsIn(std::unique_lock<std::mutex>* room);

  MemberTag<EventLoop> sockets_ready_{this, &EventLoop::OnSocketsReady};
  MemberTag<EventLoop> stop_{this, &EventLoop::OnStop};
  http::HttpClient* http_;
  grpc_hooks::PolledQueue queue_;
  grpc_hooks::ReceiveQueues receive_queues_;
  TimerQueue timers_;

  std::mutex room_;
  std::atomic<int> visitors_waiting_{0};
  bool queue_drained_ = false;
  grpc::Alarm stop_alarm_;
  std::thread thread_;
};

}  // namespace evalrun::event_loop

#endif  // EVALRUN_SERVICE_EVENT_LOOP_EVENT_LOOP_H_
