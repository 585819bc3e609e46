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
                                 observability::Metrics* metrics)
    : loop_(loop),
      grpc_service_(grpc_service),
      metrics_(metrics),
      calls_(kRequestedCalls, [this] { return std::make_unique<GenericCall>(this); }) {}

GenericCallPool::~GenericCallPool() = default;

void GenericCallPool::SetServing(bool serving) {
  serving_ = serving;
  for (const auto& call : calls_.all()) call->OnHealthChanged();
}

}  // namespace evalrun::grpc_adapter
