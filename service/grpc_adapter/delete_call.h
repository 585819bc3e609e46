// SPDX-License-Identifier: Apache-2.0
//
// File: delete_call.h
//
// gRPC's side of one DeleteEvalRun call, from the moment it is requested (asked of gRPC) to the
// moment gRPC is done with it. What happens in between is handler::ActiveCall's.
//
//   idle -> requested -> arrived -> message read -> finishing -> idle
//
// A call arrives with its headers, so that calls whose message never comes are known. gRPC is done
// with a call once the response has been written, if there is one, and it has said that the call
// has ended for the client. Belongs to the event loop's thread.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_DELETE_CALL_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_DELETE_CALL_H_

#include <optional>
#include <string>

#include <grpcpp/completion_queue.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/byte_buffer.h>

#include "rest_backend/http/http_client.h"
#include "service/event_loop/event_loop.h"
#include "service/grpc_adapter/call_accounting.h"
#include "service/grpc_adapter/call_free_list.h"
#include "service/grpc_adapter/http_attempt_sender.h"
#include "service/grpc_adapter/loop_timer.h"
#include "service/handler/active_call.h"
#include "service/handler/delete_handler.h"
#include "service/handler/delete_response.h"
#include "service/handler/scope_verifier.h"

namespace evalrun::grpc_adapter {

class DeleteCall;

// EvalRunService, with DeleteEvalRun as gRPC's C++ library serves a stream: a unary call would
// arrive with its message only. On the wire they are the same. The message stays bytes, so that one
// that does not parse gets this service's response, log line and count too.
class RawEvalRunService final : public grpc::Service {
 public:
  using Stream = grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;

  RawEvalRunService();
  // Asks for a call. Everything outlives it.
  void RequestDeleteEvalRun(grpc::ServerContext* context, Stream* stream,
                            grpc::ServerCompletionQueue* queue, void* tag) {
    RequestAsyncBidiStreaming(0, context, stream, queue, queue, tag);
  }
};

// What the calls share. Nothing is null, and everything outlives the calls.
struct DeleteCallContext {
  event_loop::EventLoop* loop = nullptr;
  http::HttpClient* http = nullptr;
  RawEvalRunService* grpc_service = nullptr;
  handler::DeleteHandler* handler = nullptr;
  handler::ScopeVerifier* scopes = nullptr;
  CallFreeList<DeleteCall>* calls = nullptr;
  CallAccounting* accounting = nullptr;
};

// What gRPC needs for one call, made anew for each: its objects cannot be used twice.
struct GrpcCall {
  grpc::ServerContext context;
  RawEvalRunService::Stream stream{&context};
  grpc::ByteBuffer message;
  std::string peer;
  bool is_reading = false;  // the message, and gRPC will say when that is done
  bool is_peer_done = false;
  bool has_response = false;
  bool is_finishing = false;  // a response is being written, and gRPC will say when that is done
};

class DeleteCall final : private handler::ResponseWriter {
 public:
  // `context` outlives the call.
  explicit DeleteCall(const DeleteCallContext* context);
  DeleteCall(const DeleteCall&) = delete;
  DeleteCall& operator=(const DeleteCall&) = delete;

  // Asks gRPC for the next call.
  void RequestNextCall();

  // See handler::ActiveCall.
  void EndForShutdown() { call_.EndForShutdown(); }

 private:
  using Tag = event_loop::MemberTag<DeleteCall>;

  // gRPC's events.
  void OnArrived(bool ok);
  void OnRead(bool ok);
  // The call has ended for the client: responded to, or cancelled, as it is at its deadline.
  void OnPeerDone(bool ok);
  void OnFinished(bool ok);

  void StartCall();
  void Write(const handler::DeleteResponse& response) override;
  void Finish(const grpc::Status& status);
  void RecycleIfFinished();

  const DeleteCallContext& context_;
  HttpAttemptSender attempts_;
  LoopTimer timer_;
  handler::ActiveCall call_;
  CallAccounting::Call accounted_;

  Tag arrived_{this, &DeleteCall::OnArrived};
  Tag read_{this, &DeleteCall::OnRead};
  Tag peer_done_{this, &DeleteCall::OnPeerDone};
  Tag finished_{this, &DeleteCall::OnFinished};

  std::optional<GrpcCall> grpc_;  // of the current call
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_DELETE_CALL_H_
