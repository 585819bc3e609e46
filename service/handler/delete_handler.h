// SPDX-License-Identifier: Apache-2.0
//
// File: delete_handler.h
//
// DeleteEvalRun, from a parsed call to its response: what all calls share. ActiveCall
// (active_call.h) is one call. Knows no gRPC, no libcurl and no sockets: the transport of the calls
// and that of the attempts, time, randomness and reporting are behind interfaces.
#ifndef EVALRUN_SERVICE_HANDLER_DELETE_HANDLER_H_
#define EVALRUN_SERVICE_HANDLER_DELETE_HANDLER_H_

#include <memory>

#include "rest_backend/deletion/admission_controller.h"
#include "service/handler/call_observer.h"
#include "service/handler/call_trace.h"
#include "service/handler/clock.h"
#include "service/handler/delete_options.h"
#include "service/handler/intent_log.h"
#include "service/handler/live_config.h"
#include "service/handler/random_source.h"
#include "service/ratelimit/limiter.h"

namespace evalrun::handler {

// Not thread-safe: belongs to the thread of the calls, once there are any.
class DeleteHandler {
 public:
  // They outlive the handler. Only these may be null: `intents`, when calls are sent without a line
  // before, and `tracer`, when no call is traced.
  struct Environment {
    const Clock* clock;
    RandomSource* random;
    CallObserver* observer;
    IntentLog* intents = nullptr;
    CallTracer* tracer = nullptr;
  };

  // `limiter` is not null; its rules are those of `live_config`.
  DeleteHandler(DeleteOptions options, const Environment& environment,
                std::unique_ptr<ratelimit::Limiter> limiter, LiveConfig live_config);
  DeleteHandler(const DeleteHandler&) = delete;
  DeleteHandler& operator=(const DeleteHandler&) = delete;

  // For calls that start from now on, and for what a retry has to pass: whether deletions are
  // enabled, the protected runs, and the limits. A call that has started keeps its API key.
  void SetLiveConfig(LiveConfig live_config);

  // Nothing is sent for calls that start from now on: they are answered UNAVAILABLE,
  // `GATEWAY_SHUTTING_DOWN`.
  void EndNewCalls() { ends_new_calls_ = true; }

  // The upstream responded 429 to a request with `api_key`: calls with it are held back. Not so
  // when the key has been replaced meanwhile.
  void OnRateLimited(const authz::UpstreamKey& api_key, std::chrono::milliseconds retry_after);

  [[nodiscard]] const DeleteOptions& options() const { return options_; }
  [[nodiscard]] const LiveConfig& live_config() const { return live_config_; }
  [[nodiscard]] bool ends_new_calls() const { return ends_new_calls_; }
  [[nodiscard]] const Clock& clock() const { return *environment_.clock; }
  [[nodiscard]] RandomSource& random() { return *environment_.random; }
  [[nodiscard]] CallObserver& observer() { return *environment_.observer; }
  [[nodiscard]] IntentLog* intents() { return environment_.intents; }
  // Null: no call is traced.
  [[nodiscard]] CallTracer* tracer() { return environment_.tracer; }
  [[nodiscard]] deletion::AdmissionController& admission() { return admission_; }
  [[nodiscard]] ratelimit::Limiter& limiter() { return *limiter_; }

 private:
  const DeleteOptions options_;
  const Environment environment_;
  const std::unique_ptr<ratelimit::Limiter> limiter_;
  LiveConfig live_config_;
  bool ends_new_calls_ = false;
  deletion::AdmissionController admission_;
};

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_DELETE_HANDLER_H_
