// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/delete_call.h"

#include <chrono>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include <absl/strings/str_cat.h>
#include <grpc/support/time.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/support/slice.h>
#include <grpcpp/support/status.h>
#include <grpcpp/support/string_ref.h>

#include "service/grpc_adapter/peer_credentials.h"
#include "service/grpc_adapter/service_names.h"
#include "service/handler/incoming_call.h"

namespace evalrun::grpc_adapter {
namespace {

// google.protobuf.Empty is no bytes.
const grpc::ByteBuffer& EmptyMessage() {
  static const grpc::Slice kSlice;
  static const grpc::ByteBuffer kBuffer(&kSlice, 1);
  return kBuffer;
}

class ClientMetadata final : public handler::Metadata {
 public:
  explicit ClientMetadata(const grpc::ServerContext& context)
      : metadata_(context.client_metadata()) {}

  [[nodiscard]] std::string_view Find(std::string_view key) const override {
    const auto [begin, end] = metadata_.equal_range(grpc::string_ref(key.data(), key.size()));
    if (begin == end || std::next(begin) != end) return {};
    return {begin->second.data(), begin->second.size()};
  }

  [[nodiscard]] std::string Join(std::string_view key) const override {
    std::string joined;
    // Equal keys are in the order in which they arrived.
    const auto [begin, end] = metadata_.equal_range(grpc::string_ref(key.data(), key.size()));
    for (auto it = begin; it != end; ++it) {
      if (it->second.empty()) continue;
      if (!joined.empty()) joined += ',';
      joined.append(it->second.data(), it->second.size());
    }
    return joined;
  }

 private:
  const std::multimap<grpc::string_ref, grpc::string_ref>& metadata_;
};

// Deadlines that are centuries away, as clients send them for "no deadline", become the greatest
// time that there is: grpc::ServerContext::deadline() overflows for them.
std::chrono::system_clock::time_point ToTimePoint(gpr_timespec deadline) {
  using std::chrono::system_clock;
  const gpr_timespec time = gpr_convert_clock_type(deadline, GPR_CLOCK_REALTIME);
  constexpr auto kMaxSeconds =
      std::chrono::duration_cast<std::chrono::seconds>(system_clock::duration::max());
  if (time.tv_sec >= kMaxSeconds.count()) return system_clock::time_point::max();
  return system_clock::time_point(std::chrono::seconds(time.tv_sec) +
                                  std::chrono::nanoseconds(time.tv_nsec));
}

// The bytes of a message in one piece, which `slice` keeps; empty when gRPC cannot read them.
std::string_view AsContiguous(const grpc::ByteBuffer& message, grpc::Slice* slice) {
  if (!message.TrySingleSlice(slice).ok() && !message.DumpToSingleSlice(slice).ok()) return {};
  return {reinterpret_cast<const char*>(slice->begin()), slice->size()};
}

}  // namespace

RawEvalRunService::RawEvalRunService() {
  // gRPC keeps the pointer.
  static const std::string kPath = absl::StrCat("/", kEvalRunServiceName, "/DeleteEvalRun");
  AddMethod(new grpc::internal::RpcServiceMethod(
      kPath.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING, nullptr));
  MarkMethodAsync(0);
}

DeleteCall::DeleteCall(const DeleteCallContext* context)
    : context_(*context),
      attempts_(context_.http, &context_.loop->timers()),
      timer_(&context_.loop->timers()),
      call_(context_.handler, context_.scopes, &attempts_, &timer_, this) {}

void DeleteCall::RequestNextCall() {
  grpc_.emplace();
  grpc_->context.AsyncNotifyWhenDone(&peer_done_);
  grpc::ServerCompletionQueue* queue = context_.loop->queue();
  context_.grpc_service->RequestDeleteEvalRun(&grpc_->context, &grpc_->stream, queue, &arrived_);
}

void DeleteCall::OnArrived(bool ok) {
  if (!ok) {
    grpc_.reset();
    context_.calls->OnRequestReturned(this);
    return;
  }
  // Before any work: the next call must not wait for this one.
  context_.calls->OnArrived();

  grpc_->peer = grpc_->context.peer();
  context_.accounting->OnArrived(&accounted_, &grpc_->context, grpc_->peer);
  grpc_->is_reading = true;
  grpc_->stream.Read(&grpc_->message, &read_);
}

void DeleteCall::OnRead(bool ok) {
  grpc_->is_reading = false;
  if (grpc_->is_peer_done) {
    RecycleIfFinished();
    return;
  }
  if (!ok) {
    // Or the connection is lost, or gRPC has rejected the message: then this has no effect.
    Finish({grpc::StatusCode::INTERNAL, "a call needs a message"});
    return;
  }
  context_.accounting->OnMessage(&accounted_, grpc_->message.Length());
  StartCall();
}

void DeleteCall::StartCall() {
  const ClientMetadata metadata(grpc_->context);
  grpc::Slice slice;  // keeps the message
  handler::IncomingCall call{.metadata = metadata,
                             .message = AsContiguous(grpc_->message, &slice),
                             .peer = grpc_->peer,
                             .deadline = ToTimePoint(grpc_->context.raw_deadline())};
  CertificateSubjects subjects;  // keeps the names
  if (context_.handler->options().client_certificates) {
    subjects = GetCertificateSubjects(grpc_->context);
    call.spiffe_id = subjects.spiffe_id;
    call.dns_name = subjects.dns_name;
    call.has_certificate = subjects.has_certificate;
  }
  call_.Start(call);
}

void DeleteCall::Write(const handler::DeleteResponse& response) {
  for (const auto& [key, value] : response.initial_metadata) {
    grpc_->context.AddInitialMetadata(std::string(key), value);
  }
  for (const auto& [key, value] : response.trailing_metadata) {
    grpc_->context.AddTrailingMetadata(std::string(key), value);
  }
  // The codes are the same.
  Finish(response.code == absl::StatusCode::kOk
             ? grpc::Status::OK
             : grpc::Status(static_cast<grpc::StatusCode>(response.code), response.error.message,
                            response.error.details));
}

void DeleteCall::Finish(const grpc::Status& status) {
  grpc_->is_finishing = grpc_->has_response = true;
  context_.accounting->OnResponse(&accounted_);
  if (status.ok()) {
    grpc_->stream.WriteAndFinish(EmptyMessage(), grpc::WriteOptions(), status, &finished_);
  } else {
    grpc_->stream.Finish(status, &finished_);
  }
}

void DeleteCall::OnPeerDone(bool /*ok*/) {
  grpc_->is_peer_done = true;
  call_.Cancel();  // nothing, when it has been answered
  RecycleIfFinished();
}

void DeleteCall::OnFinished(bool /*ok*/) {
  grpc_->is_finishing = false;
  context_.accounting->OnResponseAccepted(&accounted_);
  RecycleIfFinished();
}

void DeleteCall::RecycleIfFinished() {
  if (!grpc_->is_peer_done || grpc_->is_finishing || grpc_->is_reading) return;
  context_.accounting->OnFinished(&accounted_, /*cancelled=*/!grpc_->has_response);
  grpc_.reset();
  context_.calls->OnCallFinished(this);
}

}  // namespace evalrun::grpc_adapter
