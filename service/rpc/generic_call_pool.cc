#include "service/rpc/generic_call_pool.h"

#include <utility>

namespace evalrun::service {
namespace {

// Health checks are rare; what arrives beyond these waits inside gRPC for a moment.
constexpr std::size_t kArmed = 16;

}  // namespace

GenericCallPool::GenericCallPool(EventLoop* loop, grpc::AsyncGenericService* grpc_service,
                                 Metrics* metrics)
    : loop_(loop), grpc_service_(grpc_service), metrics_(metrics) {}

GenericCallPool::~GenericCallPool() = default;

void GenericCallPool::ArmAll() {
  while (armed_ < kArmed) ArmOne();
}

void GenericCallPool::ArmOne() {
  if (idle_.empty()) {
    calls_.push_back(std::make_unique<GenericCall>(this));
    idle_.push_back(calls_.back().get());
  }
  GenericCall* call = idle_.back();
  idle_.pop_back();
  ++armed_;
  call->Arm();
}

void GenericCallPool::SetServing(bool serving) {
  serving_ = serving;
  for (const auto& call : calls_) call->OnHealthChanged();
}

void GenericCallPool::OnArrived() {
  --armed_;
  if (!on_drained_) ArmOne();
}

void GenericCallPool::OnOver(GenericCall* call) {
  idle_.push_back(call);
  CheckDrained();
}

void GenericCallPool::OnDisarmed(GenericCall* call) {
  --armed_;
  idle_.push_back(call);
  CheckDrained();
}

void GenericCallPool::Drain(std::function<void()> on_drained) {
  on_drained_ = std::move(on_drained);
  CheckDrained();
}

void GenericCallPool::CheckDrained() {
  if (on_drained_ && idle_.size() == calls_.size()) on_drained_();
}

}  // namespace evalrun::service
