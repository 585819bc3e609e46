// SPDX-License-Identifier: Apache-2.0
//
// File: loop_timer.h
//
// The timer of one call, in the event loop's queue.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_LOOP_TIMER_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_LOOP_TIMER_H_

#include <chrono>

#include "service/event_loop/timer_queue.h"
#include "service/handler/timer.h"

namespace evalrun::grpc_adapter {

// Belongs to the event loop's thread.
class LoopTimer final : public handler::Timer, private event_loop::TimerObserver {
 public:
  // `queue` outlives it.
  explicit LoopTimer(event_loop::TimerQueue* queue) : queue_(*queue) {}
  LoopTimer(const LoopTimer&) = delete;
  LoopTimer& operator=(const LoopTimer&) = delete;

  void Start(std::chrono::steady_clock::time_point due, handler::TimerObserver* observer) override {
    observer_ = observer;
    timer_ = queue_.Add(due, this);
  }
  void Cancel() override { queue_.Cancel(timer_); }

 private:
  void OnTimer() override { observer_->OnTimer(); }

  event_loop::TimerQueue& queue_;
  event_loop::TimerQueue::Timer timer_;  // valid while it is running
  handler::TimerObserver* observer_ = nullptr;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_LOOP_TIMER_H_
