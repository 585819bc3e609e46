// SPDX-License-Identifier: Apache-2.0
//
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
#include "service/grpc_adapter/call_accounting.h"
#include "service/grpc_adapter/call_free_list.h"
#include "service/grpc_adapter/delete_call.h"
#include "service/grpc_adapter/http_attempt_sender.h"
#include "service/handler/delete_handler.h"
#include "service/handler/scope_verifier.h"

namespace evalrun::grpc_adapter {

// Belongs to the event loop's thread. Everything that is passed to it outlives it.
class CallPool {
 public:
  CallPool(event_loop::EventLoop* loop, http::HttpClient* http, RawEvalRunService* grpc_service,
           handler::DeleteHandler* handler, CallAccounting* accounting);
  ~CallPool();
  CallPool(const CallPool&) = delete;
  CallPool& operator=(const CallPool&) = delete;

  // Requests as many calls as may arrive in one iteration. gRPC queues further ones itself.
  void RequestCalls() { calls_.RequestCalls(); }

  // No call is requested from now on. `on_drained` is called once, on the loop's thread, when the
  // last call has its response and gRPC has returned all that were requested, which it does when
  // the server shuts down.
  void Drain(std::function<void()> on_drained) { calls_.Drain(std::move(on_drained)); }

  // All calls in flight get their response now.
  void EndForShutdown() {
    calls_.ForEach([](DeleteCall* call) { call->EndForShutdown(); });
  }

  // Thread-safe.
  [[nodiscard]] std::size_t in_flight() const { return calls_.in_flight(); }

 private:
  HttpAttemptSenderFactory probe_senders_;
  handler::ScopeVerifier scopes_;
  const DeleteCallContext context_;
  CallFreeList<DeleteCall> calls_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_CALL_POOL_H_
