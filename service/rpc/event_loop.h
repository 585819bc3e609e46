// File: event_loop.h
//
// One room with two doors. All calls, transfers and timers live in the room, and whoever works on
// them holds its lock. Events come in through two doors, each with a thread asleep behind it: the
// gRPC completion queue, and the sockets of the HTTP client. Whoever is woken takes the lock and
// works until both doors have been quiet for a few rounds; only then does it go back to sleep.
//
//   gRPC door:   wait on the completion queue  -> work on both -> arm the socket door -> wait
//   socket door: wait on the armed epoll       -> work on sockets and timers -> arm again -> wait
//
// Under load the gRPC thread never sleeps, so the socket door stays disarmed and its thread does
// not run: one call then costs no hand-over between threads, no lock contention, and no wake-up.
// When calls are sparse, whichever event comes wakes exactly the thread that can handle it.
// Measured against the simpler arrangements in service/README.md.
#ifndef EVALRUN_SERVICE_RPC_EVENT_LOOP_H_
#define EVALRUN_SERVICE_RPC_EVENT_LOOP_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <grpcpp/completion_queue.h>

#include "rest_backend/http/http_client.h"
#include "service/rpc/timer_queue.h"

namespace evalrun::service {

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

  // Every tag of `queue` is a CompletionTag*. `http` outlives the loop.
  EventLoop(std::unique_ptr<grpc::ServerCompletionQueue> queue, rest::HttpClient* http);
  // The queue must have been shut down (ShutDown()) and drained, or Start() never called.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Starts both threads. From here on the room may only be entered with the lock.
  void Start();

  // The lock of the room, for a short visit. Thread-safe.
  [[nodiscard]] std::unique_lock<std::mutex> Enter();

  // Shuts the queue down, lets what is in it come out, and ends both threads. The server must have
  // been shut down. Thread-safe.
  void ShutDown();

  [[nodiscard]] grpc::ServerCompletionQueue* queue() { return queue_.get(); }
  [[nodiscard]] rest::HttpClient& http() { return *http_; }
  [[nodiscard]] TimerQueue& timers() { return timers_; }

 private:
  void WorkAtGrpcDoor();
  void WorkAtSocketDoor();
  bool RunCompletions();  // without waiting; true when there was one
  bool RunSocketsAndTimers();
  [[nodiscard]] std::optional<Clock::time_point> NextWakeUp() const;
  void ArmSocketDoor();
  void LetVisitorsIn(std::unique_lock<std::mutex>* room);

  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  rest::HttpClient* http_;
  TimerQueue timers_;

  std::mutex room_;
  std::atomic<int> visitors_waiting_{0};
  bool grpc_thread_asleep_ = false;
  bool queue_drained_ = false;
  int door_fd_;  // an epoll instance that watches the HTTP client's, one shot at a time
  int stop_fd_;  // an eventfd in it
  std::thread grpc_thread_;
  std::thread socket_thread_;
};

}  // namespace evalrun::service

#endif  // EVALRUN_SERVICE_RPC_EVENT_LOOP_H_
