#include "service/grpc_adapter/call_pool.h"

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace evalrun::grpc_adapter {
namespace {

// How many calls may arrive between two looks at the completion queue without waiting inside gRPC.
constexpr std::size_t kRequestedCalls = 256;

}  // namespace

CallPool::CallPool(handler::DeleteOptions delete_options, event_loop::EventLoop* loop,
                   http::HttpClient* http, RawEvalRunService* grpc_service,
                   const CallDependencies& dependencies)
    : delete_options_(std::move(delete_options)),
      loop_(loop),
      http_(http),
      grpc_service_(grpc_service),
      dependencies_(dependencies),
      random_(std::random_device()()),
      admission_(delete_options_.admission),
      calls_(kRequestedCalls, [this] { return std::make_unique<DeleteCall>(this); }) {}

CallPool::~CallPool() = default;

void CallPool::OnArrived() {
  dependencies_.metrics->OnCallStarted();
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
