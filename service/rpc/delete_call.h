// File: delete_call.h
//
// One DeleteEvalRun call, from the moment it is armed (asked of gRPC) to the moment gRPC is done
// with it.
//
//   armed -> reading -> sending <-> waiting to send again -> finishing -> armed again
//
// Lives in the room of the event loop (event_loop.h): one thread at a time.
#ifndef EVALRUN_SERVICE_RPC_DELETE_CALL_H_
#define EVALRUN_SERVICE_RPC_DELETE_CALL_H_

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
#include "rest_backend/api/deletion.h"
#include "rest_backend/http/http_client.h"
#include "service/access/policy.h"
#include "service/keys/key_ring.h"
#include "service/observability/call_record.h"
#include "service/rpc/delete_answer.h"
#include "service/rpc/event_loop.h"
#include "service/rpc/timer_queue.h"

namespace evalrun::service {

class CallPool;

// The method is served with the message as bytes, so that a message that does not parse gets this
// service's answer, log line and count too.
using RawEvalRunService = aymara::evals::v1::EvalRunService::WithRawMethod_DeleteEvalRun<
    aymara::evals::v1::EvalRunService::Service>;

class DeleteCall final : public rest::SendObserver, public TimerObserver {
 public:
  // `pool` outlives the call.
  explicit DeleteCall(CallPool* pool);
  DeleteCall(const DeleteCall&) = delete;
  DeleteCall& operator=(const DeleteCall&) = delete;

  // Asks gRPC for the next call.
  void Arm();

  void OnSendDone(const rest::SendResult& result) override;
  void OnTimer() override;

 private:
  using Clock = std::chrono::steady_clock;

  using Tag = MemberTag<DeleteCall>;

  // gRPC's events.
  void OnArrived(bool ok);
  // The call is over for the client: answered, or given up, as it is when its time is up.
  void OnGone(bool ok);
  void OnFinished(bool ok);

  void ReadCaller();
  void ReadMetadata();
  [[nodiscard]] std::optional<ErrorReport> ReadRequest();
  [[nodiscard]] std::optional<ErrorReport> HoldAgainstLimits();
  [[nodiscard]] std::optional<ErrorReport> Authorize();
  [[nodiscard]] std::chrono::microseconds UntilDeadline() const;  // the caller's
  [[nodiscard]] std::chrono::microseconds TimeLeft() const;       // until we must answer
  void Send(bool fresh_connection);
  void Next(const rest::Deletion::Step& step);
  void FinishWith(const rest::Deletion::Answer& answer);
  void FinishWith(const ErrorReport& report);
  void Report(grpc::StatusCode code, std::string_view reason, rest::Certainty certainty, int sends,
              rest::RetryStop retry_stop);
  void LeaveIfOver();

  CallPool& pool_;
  Tag arrived_{this, &DeleteCall::OnArrived};
  Tag gone_{this, &DeleteCall::OnGone};
  Tag finished_{this, &DeleteCall::OnFinished};

  // Made anew for each call: gRPC's own objects cannot be used twice.
  struct GrpcCall {
    grpc::ServerContext context;
    grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer{&context};
    grpc::ByteBuffer message;
  };
  std::optional<GrpcCall> grpc_;
  bool is_gone_ = false;
  bool is_finishing_ = false;
  bool is_finished_ = false;

  // Of the current call. Strings and messages keep their memory from call to call.
  aymara::evals::v1::DeleteEvalRunRequest request_;
  std::string peer_;       // gRPC's name of it
  std::string caller_;     // who it is
  std::string workspace_;  // in canonical form; empty: unset
  KeyRing::Key key_;       // that the call goes out with; null until it is chosen
  AccessDecision decision_ = AccessDecision::kNone;
  std::string request_id_;
  std::string traceparent_;
  std::string target_;
  std::array<std::string, 3> header_lines_;
  std::array<const char*, 4> headers_{};
  std::size_t header_count_ = 0;
  bool attempted_before_ = false;
  Clock::time_point arrived_at_;
  Clock::time_point answer_by_;
  std::optional<rest::Deletion> deletion_;
  bool is_admitted_ = false;  // by the guard, which wants to hear when it is over
  rest::Transfer* transfer_ = nullptr;
  std::optional<TimerQueue::Timer> timer_;  // set: waiting to send again
  bool fresh_connection_ = false;           // for that send

  // For the answer and the report.
  std::string limited_by_;           // the rule that refused it
  std::string would_be_limited_by_;  // the rules in shadow mode that would have
  UpstreamAnswer upstream_;
  rest::SendTiming last_send_;
  bool connection_reused_ = false;
  int resends_stopped_ = 0;
  std::size_t response_bytes_ = 0;
};

}  // namespace evalrun::service

#endif  // EVALRUN_SERVICE_RPC_DELETE_CALL_H_
