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

#include "rest_backend/deletion/upstream_guard.h"
#include "service/authz/key_ring.h"
#include "service/authz/policy.h"
#include "service/current.h"
#include "service/event_loop/event_loop.h"
#include "service/grpc_adapter/call_roster.h"
#include "service/grpc_adapter/delete_call.h"
#include "service/handler/delete_settings.h"
#include "service/observability/access_log.h"
#include "service/observability/audit_log.h"
#include "service/observability/metrics.h"
#include "service/ratelimit/limiter.h"

namespace evalrun::grpc_adapter {

// What a call asks and tells on its way. All of it outlives the calls; nothing is null.
struct CallServices {
  observability::Metrics* metrics;
  observability::AccessLog* access_log;
  observability::AuditLog* audit_log;
  ratelimit::Limiter* limiter;
  const service::Current<authz::AccessPolicy>* access_policy;
  const service::Current<authz::KeyRing>* keys;
};

// Lives in the room of the event loop. Everything that is handed to it outlives it.
class CallPool {
 public:
  CallPool(handler::DeleteSettings settings, event_loop::EventLoop* loop,
           RawEvalRunService* grpc_service, const CallServices& services);
  ~CallPool();
  CallPool(const CallPool&) = delete;
  CallPool& operator=(const CallPool&) = delete;

  // Arms as many calls as may arrive in one go. gRPC queues what arrives beyond that, out of our
  // sight.
  void ArmAll() { calls_.ArmAll(); }

  // From here on no call is armed again. `on_drained` is called once, in the room, when the last
  // call has been answered and gRPC has handed back all that were armed, which it does when the
  // server shuts down.
  void Drain(std::function<void()> on_drained) { calls_.Drain(std::move(on_drained)); }

  [[nodiscard]] std::size_t in_flight() const { return calls_.in_flight(); }
  [[nodiscard]] deletion::UpstreamGuard& guard() { return guard_; }

  // For calls.
  [[nodiscard]] const handler::DeleteSettings& settings() const { return settings_; }
  [[nodiscard]] event_loop::EventLoop& loop() { return *loop_; }
  [[nodiscard]] RawEvalRunService& grpc_service() { return *grpc_service_; }
  [[nodiscard]] observability::Metrics& metrics() { return *services_.metrics; }
  [[nodiscard]] observability::AuditLog& audit_log() { return *services_.audit_log; }
  [[nodiscard]] observability::AccessLog& access_log() { return *services_.access_log; }
  [[nodiscard]] ratelimit::Limiter& limiter() { return *services_.limiter; }
  [[nodiscard]] authz::AccessDecision Decide(std::string_view caller,
                                             std::string_view workspace) const {
    return services_.access_policy->Get()->Decide(caller, workspace);
  }
  [[nodiscard]] authz::KeyRing::Key ChooseKey(std::string_view caller,
                                              std::string_view workspace) const {
    return services_.keys->Get()->Choose(caller, workspace);
  }
  [[nodiscard]] double Random();                                  // uniform in [0, 1)
  void MakeRequestId(std::string* request_id);                    // 32 random hexadecimal digits
  void OnArrived();                                               // an armed call became a real one
  void OnOver(DeleteCall* call) { calls_.OnOver(call); }          // gRPC is done with it
  void OnDisarmed(DeleteCall* call) { calls_.OnDisarmed(call); }  // it was never used

 private:
  const handler::DeleteSettings settings_;
  event_loop::EventLoop* loop_;
  RawEvalRunService* grpc_service_;
  const CallServices services_;
  std::mt19937_64 random_;
  deletion::UpstreamGuard guard_;

  CallRoster<DeleteCall> calls_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_CALL_POOL_H_
