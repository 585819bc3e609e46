#include "service/grpc_adapter/call_pool.h"

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace evalrun::grpc_adapter {
namespace {

// How many calls may arrive between two looks at the completion queue without waiting inside gRPC.
constexpr std::size_t kArmed = 256;

}  // namespace

CallPool::CallPool(handler::DeleteSettings settings, event_loop::EventLoop* loop,
                   RawEvalRunService* grpc_service, const CallServices& services)
    : settings_(std::move(settings)),
      loop_(loop),
      grpc_service_(grpc_service),
      services_(services),
      random_(std::random_device()()),
      guard_(settings_.guard),
      calls_(kArmed, [this] { return std::make_unique<DeleteCall>(this); }) {}

CallPool::~CallPool() = default;

void CallPool::OnArrived() {
  services_.metrics->OnCallStarted();
  // Before any work: the next call must not wait for this one.
  calls_.OnArrived();
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

}  // namespace evalrun::grpc_adapter
