#include "service/rpc/call_pool.h"

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace evalrun::service {
namespace {

// How many calls may arrive between two looks at the completion queue without waiting inside gRPC.
constexpr std::size_t kArmed = 256;

}  // namespace

CallPool::CallPool(DeleteSettings settings, EventLoop* loop, RawEvalRunService* grpc_service,
                   Metrics* metrics, AccessLog* access_log)
    : settings_(std::move(settings)),
      api_key_header_("x-api-key: " + settings_.api_key),
      loop_(loop),
      grpc_service_(grpc_service),
      metrics_(metrics),
      access_log_(access_log),
      random_(std::random_device()()),
      guard_(settings_.guard) {}

CallPool::~CallPool() = default;

void CallPool::ArmAll() {
  while (armed_ < kArmed) ArmOne();
}

void CallPool::ArmOne() {
  if (idle_.empty()) {
    calls_.push_back(std::make_unique<DeleteCall>(this));
    idle_.push_back(calls_.back().get());
  }
  DeleteCall* call = idle_.back();
  idle_.pop_back();
  ++armed_;
  call->Arm();
}

void CallPool::OnArrived() {
  --armed_;
  ++in_flight_;
  metrics_->OnCallStarted();
  // Before any work: the next call must not wait for this one.
  if (!on_drained_) ArmOne();
}

void CallPool::OnOver(DeleteCall* call) {
  --in_flight_;
  idle_.push_back(call);
  CheckDrained();
}

void CallPool::OnDisarmed(DeleteCall* call) {
  --armed_;
  idle_.push_back(call);
  CheckDrained();
}

void CallPool::Drain(std::function<void()> on_drained) {
  on_drained_ = std::move(on_drained);
  CheckDrained();
}

void CallPool::CheckDrained() {
  if (on_drained_ && armed_ == 0 && in_flight_ == 0) on_drained_();
}

double CallPool::Random() { return std::uniform_real_distribution<double>(0, 1)(random_); }

void CallPool::MakeRequestId(std::string* request_id) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  request_id->clear();
  for (int half = 0; half < 2; ++half) {
    std::uint64_t bits = random_();
    for (int i = 0; i < 16; ++i, bits >>= 4) *request_id += kHexDigits[bits & 0xF];
  }
}

}  // namespace evalrun::service
