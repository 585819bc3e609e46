#include "service/grpc_adapter/call_pool.h"

#include <cstddef>
#include <memory>

namespace evalrun::grpc_adapter {
namespace {

// How many calls may arrive between two looks at the completion queue without waiting inside gRPC.
constexpr std::size_t kRequestedCalls = 256;

}  // namespace

CallPool::CallPool(event_loop::EventLoop* loop, http::HttpClient* http,
                   RawEvalRunService* grpc_service, handler::DeleteHandler* handler)
    : loop_(loop),
      http_(http),
      grpc_service_(grpc_service),
      handler_(handler),
      probe_senders_(http),
      scopes_(handler, &probe_senders_),
      calls_(kRequestedCalls, [this] { return std::make_unique<DeleteCall>(this); }) {}

CallPool::~CallPool() = default;

}  // namespace evalrun::grpc_adapter
