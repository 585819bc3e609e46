// SPDX-License-Identifier: Apache-2.0
//
// File: generic_call.h
//
// One call of any method but DeleteEvalRun: health, reflection, or a method that does not exist.
// They are served here rather than by gRPC's own services because those bring threads of their own,
// which read from sockets beside the event loop: under load they read more than it can serve, and
// at rest each call is handed over between threads.
//
//   requested -> reading <-> writing -> finishing -> requested again
//
// Belongs to the event loop's thread.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_GENERIC_CALL_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_GENERIC_CALL_H_

#include <optional>

#include <google/protobuf/message_lite.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/byte_buffer.h>

#include "service/event_loop/event_loop.h"
#include "service/grpc_adapter/call_accounting.h"
#include "service/grpc_adapter/call_free_list.h"
#include "service/grpc_adapter/health.h"
#include "service/observability/metrics.h"

namespace evalrun::grpc_adapter {

class GenericCall;

// What the calls share. Nothing is null, and everything outlives the calls.
struct GenericCallContext {
  event_loop::EventLoop* loop = nullptr;
  grpc::AsyncGenericService* grpc_service = nullptr;
  observability::Metrics* metrics = nullptr;
  CallFreeList<GenericCall>* calls = nullptr;
  CallAccounting* accounting = nullptr;
  bool serving = true;  // what health says
};

class GenericCall {
 public:
  // `context` outlives the call.
  explicit GenericCall(const GenericCallContext* context) : context_(*context) {}
  GenericCall(const GenericCall&) = delete;
  GenericCall& operator=(const GenericCall&) = delete;

  // Asks gRPC for the next call.
  void RequestNextCall();

  // The server's health may have changed: a health watch sends it.
  void OnHealthChanged();

 private:
  enum class Method { kUnknown, kHealthCheck, kHealthWatch, kReflection };

  using Tag = event_loop::MemberTag<GenericCall>;

  // gRPC's events.
  void OnArrived(bool ok);
  void OnRead(bool ok);
  void OnWritten(bool ok);
  void OnPeerDone(bool ok);  // the call has ended for the client
  void OnFinished(bool ok);

  void Read();
  void HandleHealthRequest(bool has_request);
  void HandleReflectionRequest();
  void WriteHealth(HealthStatus status);
  void Write(const google::protobuf::MessageLite& response);
  void Finish(const grpc::Status& status);
  void RecycleIfFinished();
  [[nodiscard]] static Method ParseMethod(const std::string& path);

  const GenericCallContext& context_;
  Tag arrived_{this, &GenericCall::OnArrived};
  Tag read_{this, &GenericCall::OnRead};
  Tag written_{this, &GenericCall::OnWritten};
  Tag peer_done_{this, &GenericCall::OnPeerDone};
  Tag finished_{this, &GenericCall::OnFinished};

  // Made anew for each call: gRPC's own objects cannot be used twice.
  struct GrpcCall {
    grpc::GenericServerContext context;
    grpc::GenericServerAsyncReaderWriter stream{&context};
    grpc::ByteBuffer message;
  };
  std::optional<GrpcCall> grpc_;
  Method method_ = Method::kUnknown;
  int pending_operations_ = 0;  // started and not yet back
  bool is_peer_done_ = false;
  bool is_writing_ = false;
  bool has_response_ = false;
  CallAccounting::Call accounted_;
  // Of a health watch, once it has asked: what about, and what it was told last.
  std::optional<grpc::health::v1::HealthCheckRequest> watch_request_;
  HealthStatus last_sent_status_ = grpc::health::v1::HealthCheckResponse::UNKNOWN;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_GENERIC_CALL_H_
