// SPDX-License-Identifier: Apache-2.0
//
// File: generic_call_pool.h
//
// All calls of other methods than DeleteEvalRun, those that wait for a client and those that are
// being answered, and what they tell of: the server's health.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_GENERIC_CALL_POOL_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_GENERIC_CALL_POOL_H_

#include <functional>
#include <utility>

#include <grpcpp/generic/async_generic_service.h>

#include "service/event_loop/event_loop.h"
#include "service/grpc_adapter/call_accounting.h"
#include "service/grpc_adapter/call_free_list.h"
#include "service/grpc_adapter/generic_call.h"
#include "service/observability/metrics.h"

namespace evalrun::grpc_adapter {

// Belongs to the event loop's thread. Everything that is passed to it outlives it.
class GenericCallPool {
 public:
  GenericCallPool(event_loop::EventLoop* loop, grpc::AsyncGenericService* grpc_service,
                  observability::Metrics* metrics, CallAccounting* accounting);
  ~GenericCallPool();
  GenericCallPool(const GenericCallPool&) = delete;
  GenericCallPool& operator=(const GenericCallPool&) = delete;

  void RequestCalls() { calls_.RequestCalls(); }

  // What health says; true at first. Health watches are notified of a change.
  void SetServing(bool serving);

  // No call is requested from now on. `on_drained` is called once, on the loop's thread, when gRPC
  // has returned all that were requested and those under way have ended. Streams that clients keep
  // open do not end by themselves: the server cancels them when it shuts down.
  void Drain(std::function<void()> on_drained) { calls_.Drain(std::move(on_drained)); }

 private:
  GenericCallContext context_;
  CallFreeList<GenericCall> calls_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_GENERIC_CALL_POOL_H_
