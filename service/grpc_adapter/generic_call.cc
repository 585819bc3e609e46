// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/generic_call.h"

#include <string>

#include <absl/strings/str_cat.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/slice.h>

#include "service/grpc_adapter/reflection.h"
#include "service/grpc_adapter/service_names.h"

namespace evalrun::grpc_adapter {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using grpc::reflection::v1alpha::ServerReflectionRequest;

std::string MakePath(const char* service, const char* method) {
  return absl::StrCat("/", service, "/", method);
}

bool Parse(grpc::ByteBuffer* bytes, google::protobuf::Message* message) {
  return grpc::GenericDeserialize<grpc::ProtoBufferReader, google::protobuf::Message>(bytes,
                                                                                      message)
      .ok();
}

}  // namespace

void GenericCall::RequestNextCall() {
  grpc_.emplace();
  pending_operations_ = 0;
  is_peer_done_ = is_writing_ = has_response_ = false;
  grpc_->context.AsyncNotifyWhenDone(&peer_done_);
  grpc::ServerCompletionQueue* queue = context_.loop->queue();
  context_.grpc_service->RequestCall(&grpc_->context, &grpc_->stream, queue, queue, &arrived_);
}

GenericCall::Method GenericCall::ParseMethod(const std::string& path) {
  static const std::string check = MakePath(kHealthServiceName, "Check");
  static const std::string watch = MakePath(kHealthServiceName, "Watch");
  static const std::string v1 = MakePath(kReflectionServiceName, "ServerReflectionInfo");
  static const std::string v1alpha = MakePath(kReflectionAlphaServiceName, "ServerReflectionInfo");
  if (path == check) return Method::kHealthCheck;
  if (path == watch) return Method::kHealthWatch;
  if (path == v1 || path == v1alpha) return Method::kReflection;
  return Method::kUnknown;
}

void GenericCall::OnArrived(bool ok) {
  if (!ok) {
    grpc_.reset();
    context_.calls->OnRequestReturned(this);
    return;
  }
  context_.calls->OnArrived();
  context_.accounting->OnArrived(&accounted_, &grpc_->context, grpc_->context.peer());
  method_ = ParseMethod(grpc_->context.method());
  if (method_ == Method::kUnknown) {
    context_.metrics->OnUnknownMethod();
    Finish({grpc::StatusCode::UNIMPLEMENTED,
            absl::StrCat("there is no such method here; this server has ", kEvalRunServiceName,
                         "/DeleteEvalRun")});
    return;
  }
  Read();
}

void GenericCall::Read() {
  ++pending_operations_;
  grpc_->stream.Read(&grpc_->message, &read_);
}

void GenericCall::OnRead(bool ok) {
  --pending_operations_;
  if (ok) context_.accounting->OnMessage(&accounted_, grpc_->message.Length());
  if (is_peer_done_) {
    RecycleIfFinished();
  } else if (method_ != Method::kReflection) {
    HandleHealthRequest(ok);
  } else if (ok) {
    HandleReflectionRequest();
  } else {
    Finish(grpc::Status::OK);  // the client has no more questions
  }
}

void GenericCall::HandleReflectionRequest() {
  ServerReflectionRequest request;
  if (!Parse(&grpc_->message, &request)) {
    Finish({grpc::StatusCode::INVALID_ARGUMENT, "a ServerReflectionRequest is expected"});
    return;
  }
  Write(grpc_adapter::HandleReflectionRequest(request));
}

void GenericCall::HandleHealthRequest(bool has_request) {
  HealthCheckRequest request;
  if (!has_request || !Parse(&grpc_->message, &request)) {
    Finish({grpc::StatusCode::INVALID_ARGUMENT, "a HealthCheckRequest is expected"});
    return;
  }
  if (method_ == Method::kHealthWatch) {
    watch_request_ = std::move(request);
    last_sent_status_ = HealthCheckResponse::UNKNOWN;
    OnHealthChanged();
    return;
  }
  const HealthStatus status = GetHealthStatus(request.service(), context_.serving);
  if (status == HealthCheckResponse::SERVICE_UNKNOWN) {
    Finish({grpc::StatusCode::NOT_FOUND, "there is no such service here"});
    return;
  }
  WriteHealth(status);
}

void GenericCall::OnHealthChanged() {
  if (!watch_request_.has_value() || is_peer_done_ || is_writing_) return;
  const HealthStatus status = GetHealthStatus(watch_request_->service(), context_.serving);
  if (status == last_sent_status_) return;
  last_sent_status_ = status;
  WriteHealth(status);
}

void GenericCall::WriteHealth(HealthStatus status) {
  HealthCheckResponse response;
  response.set_status(status);
  Write(response);
}

void GenericCall::Write(const google::protobuf::MessageLite& response) {
  const grpc::Slice slice(response.SerializeAsString());
  ++pending_operations_;
  is_writing_ = has_response_ = true;
  context_.accounting->OnResponse(&accounted_);
  grpc_->stream.Write(grpc::ByteBuffer(&slice, 1), &written_);
}

void GenericCall::OnWritten(bool ok) {
  --pending_operations_;
  is_writing_ = false;
  context_.accounting->OnResponseAccepted(&accounted_);
  if (is_peer_done_) {
    RecycleIfFinished();
  } else if (!ok) {
    return;  // the connection is lost; OnPeerDone() follows
  } else if (method_ == Method::kReflection) {
    Read();
  } else if (method_ == Method::kHealthWatch) {
    OnHealthChanged();  // it may have changed while this was written
  } else {
    Finish(grpc::Status::OK);
  }
}

void GenericCall::Finish(const grpc::Status& status) {
  ++pending_operations_;
  has_response_ = true;
  context_.accounting->OnResponse(&accounted_);
  grpc_->stream.Finish(status, &finished_);
}

void GenericCall::OnFinished(bool /*ok*/) {
  --pending_operations_;
  RecycleIfFinished();
}

void GenericCall::OnPeerDone(bool /*ok*/) {
  is_peer_done_ = true;
  RecycleIfFinished();
}

void GenericCall::RecycleIfFinished() {
  if (!is_peer_done_ || pending_operations_ > 0) return;
  context_.accounting->OnFinished(&accounted_, /*cancelled=*/!has_response_);
  grpc_.reset();
  watch_request_.reset();
  context_.calls->OnCallFinished(this);
}

}  // namespace evalrun::grpc_adapter
