// File: call_pool.h
//
// All calls of the process: those that wait for a client, and those that are being answered. And
// what they share.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_CALL_POOL_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_CALL_POOL_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "rest_backend/deletion/admission_controller.h"
#include "service/atomic_shared_ptr.h"
#include "service/authz/key_ring.h"
#include "service/authz/policy.h"
#include "service/event_loop/event_loop.h"
#include "service/grpc_adapter/call_free_list.h"
#include "service/grpc_adapter/delete_call.h"
#include "service/handler/delete_options.h"
#include "service/observability/access_log.h"
#include "service/observability/audit_log.h"
#include "service/observability/metrics.h"
#include "service/ratelimit/limiter.h"

namespace evalrun::grpc_adapter {

// What a call asks and tells on its way. All of it outlives the calls; nothing is null.
struct CallDependencies {
  observability::Metrics* metrics;
  observability::AccessLog* access_log;
  observability::AuditLog* audit_log;
  ratelimit::Limiter* limiter;
  const service::AtomicSharedPtr<authz::AccessPolicy>* access_policy;
  const service::AtomicSharedPtr<authz::KeyRing>* keys;
};

// Lives in the room of the event loop. Everything that is handed to it outlives it.
class CallPool {
 public:
  CallPool(handler::DeleteOptions delete_options, event_loop::EventLoop* loop,
           http::HttpClient* http, RawEvalRunService* grpc_service,
           const CallDependencies& dependencies);
  ~CallPool();
  CallPool(const CallPool&) = delete;
  CallPool& operator=(const CallPool&) = delete;

  // Arms as many calls as may arrive in one go. gRPC queues what arrives beyond that, out of our
  // sight.
  void RequestCalls() { calls_.RequestCalls(); }

  // From here on no call is requested again. `on_drained` is called once, in the room, when the
  // last call has been answered and gRPC has handed back all that were requested, which it does
  // when the server shuts down.
  void Drain(std::function<void()> on_drained) { calls_.Drain(std::move(on_drained)); }

  [[nodiscard]] std::size_t in_flight() const { return calls_.in_flight(); }
  [[nodiscard]] deletion::AdmissionController& admission() { return admission_; }

  // For calls.
  [[nodiscard]] const handler::DeleteOptions& delete_options() const { return delete_options_; }
  [[nodiscard]] event_loop::EventLoop& loop() { return *loop_; }
  [[nodiscard]] http::HttpClient& http() { return *http_; }
  [[nodiscard]] RawEvalRunService& grpc_service() { return *grpc_service_; }
  [[nodiscard]] observability::Metrics& metrics() { return *dependencies_.metrics; }
  [[nodiscard]] observability::AuditLog& audit_log() { return *dependencies_.audit_log; }
  [[nodiscard]] observability::AccessLog& access_log() { return *dependencies_.access_log; }
  [[nodiscard]] ratelimit::Limiter& limiter() { return *dependencies_.limiter; }
  [[nodiscard]] authz::AccessDecision Decide(std::string_view caller,
                                             std::string_view workspace) const {
    return dependencies_.access_policy->Get()->Decide(caller, workspace);
  }
  [[nodiscard]] authz::KeyRing::Key SelectApiKey(std::string_view caller,
                                                 std::string_view workspace) const {
    return dependencies_.keys->Get()->Select(caller, workspace);
  }
  [[nodiscard]] double Random();                // uniform in [0, 1)
  void MakeRequestId(std::string* request_id);  // 32 random hexadecimal digits
  void OnArrived();                             // an requested call became a real one
  // gRPC is done with it.
  void OnCallFinished(DeleteCall* call) {
    dependencies_.metrics->OnCallFinished();
    calls_.OnCallFinished(call);
  }
  void OnRequestReturned(DeleteCall* call) { calls_.OnRequestReturned(call); }  // it was never used

 private:
  const handler::DeleteOptions delete_options_;
  event_loop::EventLoop* loop_;
  http::HttpClient* http_;
  RawEvalRunService* grpc_service_;
  const CallDependencies dependencies_;
  std::mt19937_64 random_;
  deletion::AdmissionController admission_;

  CallFreeList<DeleteCall> calls_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_CALL_POOL_H_
