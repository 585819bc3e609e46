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
#include "service/grpc_adapter/call_free_list.h"
#include "service/grpc_adapter/generic_call.h"
#include "service/observability/metrics.h"

namespace evalrun::grpc_adapter {

// Lives in the room of the event loop. Everything that is handed to it outlives it.
class GenericCallPool {
 public:
  GenericCallPool(event_loop::EventLoop* loop, grpc::AsyncGenericService* grpc_service,
                  observability::Metrics* metrics);
  ~GenericCallPool();
  GenericCallPool(const GenericCallPool&) = delete;
  GenericCallPool& operator=(const GenericCallPool&) = delete;

  void RequestCalls() { calls_.RequestCalls(); }

  // What health says; true at first. Health watches hear of a change.
  void SetServing(bool serving);

  // From here on no call is requested again. `on_drained` is called once, in the room, when gRPC
  // has handed back all that were requested and those under way are over. Streams that clients keep
  // open do not end by themselves: the server cancels them when it shuts down.
  void Drain(std::function<void()> on_drained) { calls_.Drain(std::move(on_drained)); }

  // For calls.
  [[nodiscard]] bool serving() const { return serving_; }
  [[nodiscard]] event_loop::EventLoop& loop() { return *loop_; }
  [[nodiscard]] grpc::AsyncGenericService& grpc_service() { return *grpc_service_; }
  [[nodiscard]] observability::Metrics& metrics() { return *metrics_; }
  void OnArrived() { calls_.OnArrived(); }  // an requested call became a real one
  void OnCallFinished(GenericCall* call) { calls_.OnCallFinished(call); }  // gRPC is done with it
  void OnRequestReturned(GenericCall* call) {
    calls_.OnRequestReturned(call);
  }  // it was never used

 private:
  event_loop::EventLoop* loop_;
  grpc::AsyncGenericService* grpc_service_;
  observability::Metrics* metrics_;
  bool serving_ = true;
  CallFreeList<GenericCall> calls_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_GENERIC_CALL_POOL_H_
