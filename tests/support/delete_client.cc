// SPDX-License-Identifier: Apache-2.0

#include "tests/support/delete_client.h"

#include <google/rpc/status.pb.h>
#include <grpcpp/generic/generic_stub.h>

#include "tests/support/byte_buffer.h"

namespace evalrun::testing {
namespace {

using Clock = std::chrono::steady_clock;

std::multimap<std::string, std::string> Copy(
    const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
  std::multimap<std::string, std::string> copy;
  for (const auto& [key, value] : metadata) {
    copy.emplace(std::string(key.data(), key.size()), std::string(value.data(), value.size()));
  }
  return copy;
}

template <typename Detail>
void UnpackIf(const google::protobuf::Any& any, std::optional<Detail>* detail) {
  Detail unpacked;
  if (any.UnpackTo(&unpacked)) *detail = std::move(unpacked);
}

void UnpackDetails(const grpc::Status& status, DeleteReply* reply) {
  reply->details_size = status.error_details().size();
  if (status.error_details().empty()) return;
  google::rpc::Status details;
  reply->details_agree = details.ParseFromString(status.error_details()) &&
                         details.code() == static_cast<int>(status.error_code()) &&
                         details.message() == status.error_message();
  reply->details = details.details_size();
  for (const google::protobuf::Any& any : details.details()) {
    UnpackIf(any, &reply->error_info);
    UnpackIf(any, &reply->request_info);
    UnpackIf(any, &reply->retry_info);
    UnpackIf(any, &reply->quota_failure);
    UnpackIf(any, &reply->bad_request);
    UnpackIf(any, &reply->resource_info);
    UnpackIf(any, &reply->upstream_details);
  }
}

DeleteReply MakeReply(const grpc::Status& status, const grpc::ClientContext& context,
                      Clock::time_point start) {
  DeleteReply reply;
  reply.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
  reply.code = status.error_code();
  reply.message = status.error_message();
  UnpackDetails(status, &reply);
  reply.initial_metadata = Copy(context.GetServerInitialMetadata());
  reply.trailing_metadata = Copy(context.GetServerTrailingMetadata());
  return reply;
}

std::optional<std::string> OnlyValue(const std::multimap<std::string, std::string>& metadata,
                                     const std::string& key) {
  if (metadata.count(key) != 1) return std::nullopt;
  return metadata.find(key)->second;
}

void Prepare(const DeleteCall& call, grpc::ClientContext* context,
             aymara::evals::v1::DeleteEvalRunRequest* request) {
  context->set_deadline(std::chrono::system_clock::now() + call.timeout);
  for (const auto& [key, value] : call.metadata) context->AddMetadata(key, value);
  request->set_eval_run_uuid(call.eval_run_uuid);
  if (call.workspace_uuid.has_value()) request->set_workspace_uuid(*call.workspace_uuid);
  request->set_allow_missing(call.allow_missing);
}

}  // namespace

std::optional<std::string> DeleteReply::Info(const std::string& key) const {
  if (!error_info.has_value()) return std::nullopt;
  const auto it = error_info->metadata().find(key);
  if (it == error_info->metadata().end()) return std::nullopt;
  return it->second;
}

std::optional<std::string> DeleteReply::Initial(const std::string& key) const {
  return OnlyValue(initial_metadata, key);
}

std::optional<std::string> DeleteReply::Trailing(const std::string& key) const {
  return OnlyValue(trailing_metadata, key);
}

void PrintTo(const DeleteReply& reply, std::ostream* os) {
  *os << "code " << reply.code << " \"" << reply.message << "\" after " << reply.elapsed.count()
      << " ms";
  if (reply.error_info.has_value()) {
    *os << ", ErrorInfo{" << reply.error_info->ShortDebugString() << "}";
  }
  if (reply.retry_info.has_value()) *os << ", RetryInfo";
  if (reply.bad_request.has_value()) {
    *os << ", BadRequest{" << reply.bad_request->ShortDebugString() << "}";
  }
  if (reply.resource_info.has_value()) *os << ", ResourceInfo";
  for (const auto& [key, value] : reply.trailing_metadata) {
    if (!key.ends_with("-bin")) *os << ", " << key << ": " << value;
  }
}

DeleteClient::DeleteClient(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  channel_ = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  stub_ = aymara::evals::v1::EvalRunService::NewStub(channel_);
}

DeleteReply DeleteClient::Delete(const DeleteCall& call) const {
  grpc::ClientContext context;
  return Run(call, &context);
}

// The callback API would need no thread, but its completions can be late by tenths of a second.
PendingDelete DeleteClient::Start(const DeleteCall& call) const {
  auto context = std::make_shared<grpc::ClientContext>();
  auto reply =
      std::async(std::launch::async, [this, call, context] { return Run(call, context.get()); });
  return {std::move(context), std::move(reply)};
}

DeleteReply DeleteClient::Run(const DeleteCall& call, grpc::ClientContext* context) const {
  aymara::evals::v1::DeleteEvalRunRequest request;
  Prepare(call, context, &request);
  google::protobuf::Empty response;
  const auto start = Clock::now();
  const grpc::Status status = stub_->DeleteEvalRun(context, request, &response);
  return MakeReply(status, *context, start);
}

DeleteReply DeleteClient::CallRaw(const std::string& method, const std::string& request,
                                  std::chrono::milliseconds timeout) const {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  const grpc::ByteBuffer bytes = ToByteBuffer(request);
  grpc::ByteBuffer response;
  grpc::Status status;
  grpc::CompletionQueue queue;
  const auto start = Clock::now();
  auto reader = grpc::GenericStub(channel_).PrepareUnaryCall(&context, method, bytes, &queue);
  reader->StartCall();
  reader->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  DeleteReply reply = MakeReply(status, context, start);
  reply.response = ToBytes(response);
  return reply;
}

}  // namespace evalrun::testing
