// File: delete_call.h
//
// One DeleteEvalRun call, from the moment it is requested (asked of gRPC) to the moment gRPC is
// done with it.
//
//   requested -> reading -> sending <-> waiting to send again -> finishing -> requested again
//
// Lives in the room of the event loop (event_loop.h): one thread at a time.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_DELETE_CALL_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_DELETE_CALL_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/byte_buffer.h>

#include "aymara/evals/v1/eval_run_service.grpc.pb.h"
#include "rest_backend/deletion/deletion.h"
#include "rest_backend/http/http_client.h"
#include "service/authz/key_ring.h"
#include "service/authz/policy.h"
#include "service/event_loop/event_loop.h"
#include "service/event_loop/timer_queue.h"
#include "service/handler/delete_errors.h"
#include "service/observability/call_record.h"

namespace evalrun::grpc_adapter {

class CallPool;

// The method is served with the message as bytes, so that a message that does not parse gets this
// service's answer, log line and count too.
using RawEvalRunService = aymara::evals::v1::EvalRunService::WithRawMethod_DeleteEvalRun<
    aymara::evals::v1::EvalRunService::Service>;

class DeleteCall final : public http::AttemptObserver, public event_loop::TimerObserver {
 public:
  // `pool` outlives the call.
  explicit DeleteCall(CallPool* pool);
  DeleteCall(const DeleteCall&) = delete;
  DeleteCall& operator=(const DeleteCall&) = delete;

  // Asks gRPC for the next call.
  void RequestNextCall();

  void OnAttemptDone(const deletion::AttemptResult& result) override;
  void OnTimer() override;

 private:
  using Clock = std::chrono::steady_clock;

  using Tag = event_loop::MemberTag<DeleteCall>;

  // gRPC's events.
  void OnArrived(bool ok);
  // The call is over for the client: answered, or given up, as it is when its time is up.
  void OnPeerDone(bool ok);
  void OnFinished(bool ok);

  void ReadCaller();
  void ReadMetadata();
  [[nodiscard]] std::optional<handler::CallError> ReadRequest();
  [[nodiscard]] std::optional<handler::CallError> CheckRateLimits();
  [[nodiscard]] std::optional<handler::CallError> Authorize();
  [[nodiscard]] std::chrono::microseconds TimeToCallerDeadline() const;  // the caller's
  [[nodiscard]] std::chrono::microseconds TimeToOwnDeadline() const;     // until we must answer
  void Send(bool fresh_connection);
  void ApplyStep(const deletion::Deletion::Step& step);
  void FinishWith(const deletion::Deletion::Response& answer);
  void FinishWith(const handler::CallError& call_error);
  void RecordCompletion(absl::StatusCode code, std::string_view reason,
                        deletion::Certainty certainty, int sends, deletion::RetryStop retry_stop);
  void RecycleIfFinished();

  CallPool& pool_;
  Tag arrived_{this, &DeleteCall::OnArrived};
  Tag peer_done_{this, &DeleteCall::OnPeerDone};
  Tag finished_{this, &DeleteCall::OnFinished};

  // Made anew for each call: gRPC's own objects cannot be used twice.
  struct GrpcCall {
    grpc::ServerContext context;
    grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer{&context};
    grpc::ByteBuffer message;
  };
  std::optional<GrpcCall> grpc_;
  bool is_peer_done_ = false;
  bool is_finishing_ = false;
  bool is_finished_ = false;

  // Of the current call. Strings and messages keep their memory from call to call.
  aymara::evals::v1::DeleteEvalRunRequest request_;
  std::string peer_;             // gRPC's name of it
  std::string caller_;           // who it is
  std::string workspace_;        // in canonical form; empty: unset
  authz::KeyRing::Key api_key_;  // that the call goes out with; null until it is chosen
  authz::AccessDecision decision_ = authz::AccessDecision::kNone;
  std::string request_id_;
  std::string traceparent_;
  std::string target_;
  std::array<std::string, 3> header_lines_;
  std::array<const char*, 4> headers_{};
  std::size_t header_count_ = 0;
  bool attempted_before_ = false;
  Clock::time_point arrived_at_;
  Clock::time_point own_deadline_;
  std::optional<deletion::Deletion> deletion_;
  bool is_admitted_ = false;  // by the admission, which wants to hear when it is over
  http::Transfer* transfer_ = nullptr;
  std::optional<event_loop::TimerQueue::Timer> timer_;  // set: waiting to send again
  bool fresh_connection_ = false;                       // for that send

  // For the answer and the call_error.
  std::string limited_by_;           // the rule that refused it
  std::string would_be_limited_by_;  // the rules in shadow mode that would have
  handler::UpstreamResponse upstream_response_;
  deletion::AttemptTiming last_attempt_timing_;
  bool connection_reused_ = false;
  int suppressed_duplicates_ = 0;
  std::size_t response_bytes_ = 0;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_DELETE_CALL_H_
