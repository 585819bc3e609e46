#include "service/grpc_adapter/delete_call.h"

#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include <grpcpp/support/slice.h>
#include <grpcpp/support/status.h>
#include <grpcpp/support/string_ref.h>

#include "service/grpc_adapter/call_pool.h"
#include "service/grpc_adapter/peer_credentials.h"
#include "service/handler/incoming_call.h"

namespace evalrun::grpc_adapter {
namespace {

// google.protobuf.Empty is no bytes.
const grpc::ByteBuffer& EmptyMessage() {
  static const grpc::Slice slice;
  static const grpc::ByteBuffer buffer(&slice, 1);
  return buffer;
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

 private:
  const std::multimap<grpc::string_ref, grpc::string_ref>& metadata_;
};

// The bytes of a message in one piece, which `slice` keeps; empty when gRPC cannot read them.
std::string_view AsContiguous(const grpc::ByteBuffer& message, grpc::Slice* slice) {
  if (!message.TrySingleSlice(slice).ok() && !message.DumpToSingleSlice(slice).ok()) return {};
  return {reinterpret_cast<const char*>(slice->begin()), slice->size()};
}

}  // namespace

DeleteCall::DeleteCall(CallPool* pool)
    : pool_(*pool),
      attempts_(&pool_.http()),
      timer_(&pool_.loop().timers()),
      call_(&pool_.handler(), &pool_.scopes(), &attempts_, &timer_, this) {}

void DeleteCall::RequestNextCall() {
  grpc_.emplace();
  grpc_->context.AsyncNotifyWhenDone(&peer_done_);
  grpc::ServerCompletionQueue* queue = pool_.loop().queue();
  pool_.grpc_service().RequestDeleteEvalRun(&grpc_->context, &grpc_->message, &grpc_->writer, queue,
                                            queue, &arrived_);
}

void DeleteCall::OnArrived(bool ok) {
  if (!ok) {
    grpc_.reset();
    pool_.OnRequestReturned(this);
    return;
  }
  // Before any work: the next call must not wait for this one.
  pool_.OnArrived();

  const ClientMetadata metadata(grpc_->context);
  grpc::Slice slice;  // keeps the message
  const std::string peer = grpc_->context.peer();
  handler::IncomingCall call{.metadata = metadata,
                             .message = AsContiguous(grpc_->message, &slice),
                             .peer = peer,
                             .deadline = grpc_->context.deadline()};
  CertificateSubjects subjects;  // keeps the names
  if (pool_.handler().options().client_certificates) {
    subjects = GetCertificateSubjects(grpc_->context);
    call.spiffe_id = subjects.spiffe_id;
    call.dns_name = subjects.dns_name;
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
  grpc_->is_finishing = true;
  if (response.code == absl::StatusCode::kOk) {
    grpc_->writer.Finish(EmptyMessage(), grpc::Status::OK, &finished_);
  } else {
    // The codes are the same.
    grpc_->writer.FinishWithError(grpc::Status(static_cast<grpc::StatusCode>(response.code),
                                               response.error.message, response.error.details),
                                  &finished_);
  }
}

void DeleteCall::OnPeerDone(bool /*ok*/) {
  grpc_->is_peer_done = true;
  call_.Cancel();  // nothing, when it has been answered
  RecycleIfFinished();
}

void DeleteCall::OnFinished(bool /*ok*/) {
  grpc_->is_finishing = false;
  RecycleIfFinished();
}

void DeleteCall::RecycleIfFinished() {
  if (!grpc_->is_peer_done || grpc_->is_finishing) return;
  grpc_.reset();
  pool_.OnCallFinished(this);
}

}  // namespace evalrun::grpc_adapter
