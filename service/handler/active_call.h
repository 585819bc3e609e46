// SPDX-License-Identifier: Apache-2.0
//
// File: active_call.h
//
// One DeleteEvalRun call, from its arrival to its response.
//
//   idle -> starting (-> waiting for the audit) -> attempting <-> waiting for a retry
//     ^        |          |     |              |
//     |        |          |     +--> waiting for proof of the scope
//     |        |          |                    |
//     +--------+----------+--------------------+   by a response, or by Cancel()
//
// What is checked before the first attempt, in which order and why: README.md, "Order of checks".
#ifndef EVALRUN_SERVICE_HANDLER_ACTIVE_CALL_H_
#define EVALRUN_SERVICE_HANDLER_ACTIVE_CALL_H_

#include <chrono>
#include <optional>
#include <string_view>

#include "rest_backend/deletion/admission_controller.h"
#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/deletion/deletion.h"
#include "service/handler/attempt_sender.h"
#include "service/handler/call_state.h"
#include "service/handler/delete_handler.h"
#include "service/handler/delete_response.h"
#include "service/handler/incoming_call.h"
#include "service/handler/intent_log.h"
#include "service/handler/scope_verifier.h"
#include "service/handler/timer.h"
#include "service/observability/call_record.h"

namespace evalrun::handler {

// Can be used for one call after another. Not thread-safe.
class ActiveCall final : public AttemptObserver,
                         public TimerObserver,
                         public ScopeWaiter,
                         public IntentWaiter {
 public:
  // They outlive the object, and serve this one alone, but for `handler` and `scopes`.
  ActiveCall(DeleteHandler* handler, ScopeVerifier* scopes, AttemptSender* attempts, Timer* timer,
             ResponseWriter* writer);
  ActiveCall(const ActiveCall&) = delete;
  ActiveCall& operator=(const ActiveCall&) = delete;

  // Begins a call; the last one must be over. Its response may be written before this returns.
  void Start(const IncomingCall& call);

  // The caller is gone: it cancelled, or its deadline has passed. No response is written, but the
  // call is reported. Does nothing when the call has already ended.
  void Cancel();

  // The process ends: an attempt under way is aborted, and the response says so. Nothing happens
  // when the call is over already.
  void EndForShutdown();

  void OnAttemptDone(const deletion::AttemptResult& result) override;
  void OnTimer() override;
  void OnScopeChecked(deletion::ScopeStatus status) override;
  void OnIntentWritten(bool written) override;

 private:
  void ReadCaller(const IncomingCall& call);
  void ReadMetadata(const Metadata& metadata);
  void StartTrace(const Metadata& metadata);
  // Each returns the error that the call is rejected with, if it is.
  [[nodiscard]] std::optional<CallError> ReadMessage(std::string_view message);
  [[nodiscard]] std::optional<CallError> CheckDeletionsEnabled() const;
  [[nodiscard]] std::optional<CallError> Authorize();
  [[nodiscard]] std::optional<CallError> CheckProtectedRuns();
  [[nodiscard]] std::optional<CallError> CheckRateLimits();
  [[nodiscard]] std::optional<CallError> Admit();
  void TraceRejection(const deletion::AdmissionController::Rejection& rejection);

  void PrepareAttempts(const Metadata& metadata);
  void EndWithShutdownError();
  void WriteIntent();
  void EndForAudit();
  void StartAttempt();
  // Whether the call was ended, because an operator forbids the next attempt.
  [[nodiscard]] bool EndIfForbidden();
  // Gives the attempt that is about to begin its own `traceparent`.
  void TraceAttempt(int attempts_before);
  // Reads what the upstream says, and returns what it means.
  deletion::AttemptClassification ReadUpstreamResponse(const deletion::AttemptResult& result);
  void ApplyStep(const deletion::Deletion::Step& step);
  void CheckScope();
  void RetryIfAllowed();
  [[nodiscard]] std::optional<std::string_view> WorkspaceAsSent() const;
  [[nodiscard]] ScopeVerifier::Scope GetScope() const;

  // Empty: the caller has set none.
  [[nodiscard]] std::optional<std::chrono::microseconds> TimeToCallerDeadline() const;
  [[nodiscard]] std::chrono::microseconds TimeToOwnDeadline() const;

  // Stops whatever the call waits for, and returns what is certain then. Not while it is idle.
  deletion::Deletion::Response Abandon(absl::StatusCode code, std::string_view reason);

  void Finish(const deletion::Deletion::Response& response);
  void FinishOk(const deletion::Deletion::Response& response);
  void FinishWithError(const CallError& error);
  [[nodiscard]] CallError MakeError(const deletion::Deletion::Response& response) const;
  [[nodiscard]] observability::CallRecord MakeRecord() const;
  // The end of every call.
  void Complete(const observability::CallRecord& record);
  void CompleteWithError(const CallError& error);

  DeleteHandler& handler_;
  ScopeVerifier& scopes_;
  AttemptSender& attempts_;
  Timer& timer_;
  ResponseWriter& writer_;
  CallState state_;
};

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_ACTIVE_CALL_H_
