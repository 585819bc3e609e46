// File: call_free_list.h
//
// The calls of one kind: those that wait for a client (requested), those under way, and those that
// wait to be used again (idle).
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_CALL_FREE_LIST_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_CALL_FREE_LIST_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace evalrun::grpc_adapter {

// Lives in the room of the event loop. `Call` has RequestNextCall().
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

  // From here on no call is requested again. `on_drained` is called once, when every call is idle.
  void Drain(std::function<void()> on_drained) {
    on_drained_ = std::move(on_drained);
    CheckDrained();
  }

  [[nodiscard]] std::size_t in_flight() const { return calls_.size() - idle_.size() - requested_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Call>>& all() const { return calls_; }

  // An requested call became a real one: another is requested, unless draining.
  void OnArrived() {
    --requested_;
    if (!on_drained_) RequestOne();
  }
  // gRPC is done with a call that had arrived.
  void OnCallFinished(Call* call) {
    idle_.push_back(call);
    CheckDrained();
  }
  // gRPC handed an requested call back: it was never used.
  void OnRequestReturned(Call* call) {
    --requested_;
    OnCallFinished(call);
  }

 private:
  void RequestOne() {
    if (idle_.empty()) {
      calls_.push_back(make_());
      idle_.push_back(calls_.back().get());
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
  std::vector<std::unique_ptr<Call>> calls_;
  std::vector<Call*> idle_;
  std::size_t requested_ = 0;
  std::function<void()> on_drained_;  // set: draining
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_CALL_FREE_LIST_H_
