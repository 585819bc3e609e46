// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/generic_call_pool.h"

#include <cstddef>
#include <memory>

namespace evalrun::grpc_adapter {
namespace {

// Health checks are rare; what arrives beyond these waits inside gRPC for a moment.
constexpr std::size_t kRequestedCalls = 16;

}  // namespace

GenericCallPool::GenericCallPool(event_loop::EventLoop* loop,
                                 grpc::AsyncGenericService* grpc_service,
                                 observability::Metrics* metrics, CallAccounting* accounting)
    : context_{.loop = loop,
               .grpc_service = grpc_service,
               .metrics = metrics,
               .calls = &calls_,
               .accounting = accounting},
      calls_(kRequestedCalls, [this] { return std::make_unique<GenericCall>(&context_); }) {}

GenericCallPool::~GenericCallPool() = default;

void GenericCallPool::SetServing(bool serving) {
  context_.serving = serving;
  calls_.ForEach([](GenericCall* call) { call->OnHealthChanged(); });
}

}  // namespace evalrun::grpc_adapter
