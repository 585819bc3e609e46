#include "service/grpc_adapter/generic_call.h"

#include <string>

#include <absl/strings/str_cat.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/slice.h>

#include "service/grpc_adapter/generic_call_pool.h"
#include "service/grpc_adapter/reflection.h"
#include "service/grpc_adapter/service_names.h"

namespace evalrun::grpc_adapter {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using grpc::reflection::v1alpha::ServerReflectionRequest;

std::string PathOf(const char* service, const char* method) {
  return absl::StrCat("/", service, "/", method);
}

bool Parse(grpc::ByteBuffer* bytes, google::protobuf::Message* message) {
  return grpc::GenericDeserialize<grpc::ProtoBufferReader, google::protobuf::Message>(bytes,
                                                                                      message)
      .ok();
}

}  // namespace

GenericCall::GenericCall(GenericCallPool* pool) : pool_(*pool) {}

void GenericCall::Arm() {
  grpc_.emplace();
  operations_ = 0;
  is_gone_ = is_writing_ = false;
  grpc_->context.AsyncNotifyWhenDone(&gone_);
  grpc::ServerCompletionQueue* queue = pool_.loop().queue();
  pool_.grpc_service().RequestCall(&grpc_->context, &grpc_->stream, queue, queue, &arrived_);
}

GenericCall::Method GenericCall::MethodOf(const std::string& path) {
  static const std::string check = PathOf(kHealthServiceName, "Check");
  static const std::string watch = PathOf(kHealthServiceName, "Watch");
  static const std::string v1 = PathOf(kReflectionServiceName, "ServerReflectionInfo");
  static const std::string v1alpha = PathOf(kReflectionAlphaServiceName, "ServerReflectionInfo");
  if (path == check) return Method::kHealthCheck;
  if (path == watch) return Method::kHealthWatch;
  if (path == v1 || path == v1alpha) return Method::kReflection;
  return Method::kUnknown;
}

void GenericCall::OnArrived(bool ok) {
  if (!ok) {
    grpc_.reset();
    pool_.OnDisarmed(this);
    return;
  }
  pool_.OnArrived();
  method_ = MethodOf(grpc_->context.method());
  if (method_ == Method::kUnknown) {
    pool_.metrics().OnUnknownMethod();
    Finish({grpc::StatusCode::UNIMPLEMENTED,
            absl::StrCat("there is no such method here; this server has ", kEvalRunServiceName,
                         "/DeleteEvalRun")});
    return;
  }
  Read();
}

void GenericCall::Read() {
  ++operations_;
  grpc_->stream.Read(&grpc_->message, &read_);
}

void GenericCall::OnRead(bool ok) {
  --operations_;
  if (is_gone_) {
    LeaveIfOver();
  } else if (method_ != Method::kReflection) {
    AnswerHealth(ok);
  } else if (ok) {
    AnswerReflection();
  } else {
    Finish(grpc::Status::OK);  // the client has no more questions
  }
}

void GenericCall::AnswerReflection() {
  ServerReflectionRequest request;
  if (!Parse(&grpc_->message, &request)) {
    Finish({grpc::StatusCode::INVALID_ARGUMENT, "a ServerReflectionRequest is expected"});
    return;
  }
  Write(grpc_adapter::AnswerReflection(request));
}

void GenericCall::AnswerHealth(bool was_asked) {
  HealthCheckRequest request;
  if (!was_asked || !Parse(&grpc_->message, &request)) {
    Finish({grpc::StatusCode::INVALID_ARGUMENT, "a HealthCheckRequest is expected"});
    return;
  }
  if (method_ == Method::kHealthWatch) {
    watched_ = std::move(request);
    told_ = HealthCheckResponse::UNKNOWN;
    OnHealthChanged();
    return;
  }
  const HealthStatus status = HealthOf(request.service(), pool_.serving());
  if (status == HealthCheckResponse::SERVICE_UNKNOWN) {
    Finish({grpc::StatusCode::NOT_FOUND, "there is no such service here"});
    return;
  }
  WriteHealth(status);
}

void GenericCall::OnHealthChanged() {
  if (!watched_.has_value() || is_gone_ || is_writing_) return;
  const HealthStatus status = HealthOf(watched_->service(), pool_.serving());
  if (status == told_) return;
  told_ = status;
  WriteHealth(status);
}

void GenericCall::WriteHealth(HealthStatus status) {
  HealthCheckResponse response;
  response.set_status(status);
  Write(response);
}

void GenericCall::Write(const google::protobuf::MessageLite& response) {
  const grpc::Slice slice(response.SerializeAsString());
  ++operations_;
  is_writing_ = true;
  grpc_->stream.Write(grpc::ByteBuffer(&slice, 1), &written_);
}

void GenericCall::OnWritten(bool ok) {
  --operations_;
  is_writing_ = false;
  if (is_gone_) {
    LeaveIfOver();
  } else if (!ok) {
    return;  // the connection is lost; OnGone() follows
  } else if (method_ == Method::kReflection) {
    Read();
  } else if (method_ == Method::kHealthWatch) {
    OnHealthChanged();  // it may have changed while this was written
  } else {
    Finish(grpc::Status::OK);
  }
}

void GenericCall::Finish(const grpc::Status& status) {
  ++operations_;
  grpc_->stream.Finish(status, &finished_);
}

void GenericCall::OnFinished(bool /*ok*/) {
  --operations_;
  LeaveIfOver();
}

void GenericCall::OnGone(bool /*ok*/) {
  is_gone_ = true;
  LeaveIfOver();
}

void GenericCall::LeaveIfOver() {
  if (!is_gone_ || operations_ > 0) return;
  grpc_.reset();
  watched_.reset();
  pool_.OnOver(this);
}

}  // namespace evalrun::grpc_adapter
