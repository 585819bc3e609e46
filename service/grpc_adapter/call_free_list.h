// SPDX-License-Identifier: Apache-2.0
//
// File: call_free_list.h
//
// The calls of one kind: those that wait for a client (requested), those under way, and those that
// wait to be used again (idle).
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_CALL_FREE_LIST_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_CALL_FREE_LIST_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

namespace evalrun::grpc_adapter {

// Belongs to the event loop's thread, unless a function says that it is thread-safe. `Call` has
// RequestNextCall().
template <typename Call>
class CallFreeList {
 public:
  // Keeps `requested` calls requested. `make` gives a new one when none is idle.
  CallFreeList(std::size_t requested, std::function<std::unique_ptr<Call>()> make)
      : target_requested_(requested), make_(std::move(make)) {}
  CallFreeList(const CallFreeList&) = delete;
  CallFreeList& operator=(const CallFreeList&) = delete;

  void RequestCalls() {
    while (requested_ < target_requested_) RequestOne();
  }

  // No call is requested from now on. `on_drained` is called once, when every call is idle.
  void Drain(std::function<void()> on_drained) {
    on_drained_ = std::move(on_drained);
    CheckDrained();
  }

  // Calls that have arrived and not finished. Thread-safe.
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

  // Calls `function` with every call, idle ones included. It must not finish calls before it
  // returns.
  template <typename Function>
  void ForEach(Function function) {
    for (const auto& [call, owner] : calls_) function(call);
  }

  // A requested call arrived: another one is requested, unless draining.
  void OnArrived() {
    --requested_;
    in_flight_.fetch_add(1, std::memory_order_relaxed);
    if (!on_drained_) RequestOne();
  }
  // gRPC is done with a call that had arrived. It may be destroyed.
  void OnCallFinished(Call* call) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    Recycle(call);
  }
  // gRPC returned a requested call: the server shuts down. It may be destroyed.
  void OnRequestReturned(Call* call) {
    --requested_;
    Recycle(call);
  }

 private:
  // Calls beyond these are destroyed, not kept: after a burst memory is given back.
  static constexpr std::size_t kMaxIdle = 64;

  void Recycle(Call* call) {
    if (idle_.size() < kMaxIdle) {
      idle_.push_back(call);
    } else {
      calls_.erase(call);
    }
    CheckDrained();
  }

  void RequestOne() {
    if (idle_.empty()) {
      std::unique_ptr<Call> made = make_();
      idle_.push_back(made.get());
      calls_.emplace(idle_.back(), std::move(made));
    }
    Call* call = idle_.back();
    idle_.pop_back();
    ++requested_;
    call->RequestNextCall();
  }

  void CheckDrained() {
    if (on_drained_ && idle_.size() == calls_.size()) on_drained_();
  }

  const std::size_t target_requested_;
  const std::function<std::unique_ptr<Call>()> make_;
  absl::flat_hash_map<Call*, std::unique_ptr<Call>> calls_;
  std::vector<Call*> idle_;
  std::size_t requested_ = 0;
  std::atomic<std::size_t> in_flight_{0};
  std::function<void()> on_drained_;  // set: draining
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_CALL_FREE_LIST_H_
