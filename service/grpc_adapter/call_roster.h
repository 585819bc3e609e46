// File: call_roster.h
//
// The calls of one kind: those that wait for a client (armed), those under way, and those that wait
// to be used again (idle).
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_CALL_ROSTER_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_CALL_ROSTER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace evalrun::grpc_adapter {

// Lives in the room of the event loop. `Call` has Arm().
template <typename Call>
class CallRoster {
 public:
  // Keeps `armed` calls armed. `make` gives a new one when none is idle.
  CallRoster(std::size_t armed, std::function<std::unique_ptr<Call>()> make)
      : wanted_(armed), make_(std::move(make)) {}
  CallRoster(const CallRoster&) = delete;
  CallRoster& operator=(const CallRoster&) = delete;

  void ArmAll() {
    while (armed_ < wanted_) ArmOne();
  }

  // From here on no call is armed again. `on_drained` is called once, when every call is idle.
  void Drain(std::function<void()> on_drained) {
    on_drained_ = std::move(on_drained);
    CheckDrained();
  }

  [[nodiscard]] std::size_t in_flight() const { return calls_.size() - idle_.size() - armed_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Call>>& all() const { return calls_; }

  // An armed call became a real one: another is armed, unless draining.
  void OnArrived() {
    --armed_;
    if (!on_drained_) ArmOne();
  }
  // gRPC is done with a call that had arrived.
  void OnOver(Call* call) {
    idle_.push_back(call);
    CheckDrained();
  }
  // gRPC handed an armed call back: it was never used.
  void OnDisarmed(Call* call) {
    --armed_;
    OnOver(call);
  }

 private:
  void ArmOne() {
    if (idle_.empty()) {
      calls_.push_back(make_());
      idle_.push_back(calls_.back().get());
    }
    Call* call = idle_.back();
    idle_.pop_back();
    ++armed_;
    call->Arm();
  }

  void CheckDrained() {
    if (on_drained_ && idle_.size() == calls_.size()) on_drained_();
  }

  const std::size_t wanted_;
  const std::function<std::unique_ptr<Call>()> make_;
  std::vector<std::unique_ptr<Call>> calls_;
  std::vector<Call*> idle_;
  std::size_t armed_ = 0;
  std::function<void()> on_drained_;  // set: draining
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_CALL_ROSTER_H_
