// File: call_pool.h
//
// All DeleteEvalRun calls of the process: those that wait for a client, and those that are being
// answered.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_CALL_POOL_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_CALL_POOL_H_

#include <cstddef>
#include <functional>
#include <utility>

#include "rest_backend/http/http_client.h"
#include "service/event_loop/event_loop.h"
#include "service/grpc_adapter/call_free_list.h"
#include "service/grpc_adapter/delete_call.h"
#include "service/grpc_adapter/http_attempt_sender.h"
#include "service/handler/delete_handler.h"
#include "service/handler/scope_verifier.h"

namespace evalrun::grpc_adapter {

// Belongs to the event loop's thread. Everything that is handed to it outlives it.
class CallPool {
 public:
  CallPool(event_loop::EventLoop* loop, http::HttpClient* http, RawEvalRunService* grpc_service,
           handler::DeleteHandler* handler);
  ~CallPool();
  CallPool(const CallPool&) = delete;
  CallPool& operator=(const CallPool&) = delete;

  // Requests as many calls as may arrive in one go. gRPC queues what arrives beyond that, out of
  // our sight.
  void RequestCalls() { calls_.RequestCalls(); }

  // From here on no call is requested again. `on_drained` is called once, on the loop's thread,
  // when the last call has been answered and gRPC has handed back all that were requested, which it
  // does when the server shuts down.
  void Drain(std::function<void()> on_drained) { calls_.Drain(std::move(on_drained)); }

  // Thread-safe.
  [[nodiscard]] std::size_t in_flight() const { return calls_.in_flight(); }

  // For calls.
  [[nodiscard]] event_loop::EventLoop& loop() { return *loop_; }
  [[nodiscard]] http::HttpClient& http() { return *http_; }
  [[nodiscard]] RawEvalRunService& grpc_service() { return *grpc_service_; }
  [[nodiscard]] handler::DeleteHandler& handler() { return *handler_; }
  [[nodiscard]] handler::ScopeVerifier& scopes() { return scopes_; }
  void OnArrived() { calls_.OnArrived(); }  // a requested call became a real one
  void OnCallFinished(DeleteCall* call) { calls_.OnCallFinished(call); }  // gRPC is done with it
  void OnRequestReturned(DeleteCall* call) { calls_.OnRequestReturned(call); }  // it was never used

 private:
  event_loop::EventLoop* loop_;
  http::HttpClient* http_;
  RawEvalRunService* grpc_service_;
  handler::DeleteHandler* handler_;
  HttpAttemptSenderFactory probe_senders_;
  handler::ScopeVerifier scopes_;
  CallFreeList<DeleteCall> calls_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_CALL_POOL_H_
