// SPDX-License-Identifier: Apache-2.0
//
// File: delete_client.h
//
// A client of the gateway: makes calls over a connection of its own and decodes everything in the
// reply.
#ifndef EVALRUN_TESTS_SUPPORT_DELETE_CLIENT_H_
#define EVALRUN_TESTS_SUPPORT_DELETE_CLIENT_H_

#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/struct.pb.h>
#include <google/rpc/error_details.pb.h>
#include <grpcpp/grpcpp.h>

#include "aymara/evals/v1/eval_run_service.grpc.pb.h"

namespace evalrun::testing {

// A run that scripted upstreams do not know, and a workspace.
inline constexpr char kRun[] = "954d54bc-bd5f-4cb5-8d20-688f368b712e";
inline constexpr char kWorkspace[] = "7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34";

struct DeleteCall {
  std::string eval_run_uuid = kRun;
  std::optional<std::string> workspace_uuid = std::nullopt;
  bool allow_missing = false;
  std::vector<std::pair<std::string, std::string>> metadata = {};
  std::chrono::milliseconds timeout = std::chrono::seconds(20);
};

// The reply. At most one detail of each kind is kept; `details` counts all of them.
struct DeleteReply {
  grpc::StatusCode code = grpc::StatusCode::UNKNOWN;
  std::string message;
  int details = 0;
  size_t details_size = 0;  // size of the encoded google.rpc.Status
  // Whether the details contain the same code and message, as they must.
  bool details_agree = true;
  std::optional<google::rpc::ErrorInfo> error_info;
  std::optional<google::rpc::RequestInfo> request_info;
  std::optional<google::rpc::RetryInfo> retry_info;
  std::optional<google::rpc::QuotaFailure> quota_failure;
  std::optional<google::rpc::BadRequest> bad_request;
  std::optional<google::rpc::ResourceInfo> resource_info;
  std::optional<google::protobuf::Struct> upstream_details;
  std::multimap<std::string, std::string> initial_metadata;
  std::multimap<std::string, std::string> trailing_metadata;
  std::string response;  // for CallRaw(): the bytes of the response message
  std::chrono::milliseconds elapsed{0};

  // `ErrorInfo.metadata[key]`; nullopt if it is absent.
  [[nodiscard]] std::optional<std::string> Info(const std::string& key) const;
  // The only value of this key; nullopt if there is none or more than one.
  [[nodiscard]] std::optional<std::string> Initial(const std::string& key) const;
  [[nodiscard]] std::optional<std::string> Trailing(const std::string& key) const;
};

void PrintTo(const DeleteReply& reply, std::ostream* os);

// A call in flight.
class PendingDelete {
 public:
  PendingDelete(std::shared_ptr<grpc::ClientContext> context, std::future<DeleteReply> reply)
      : context_(std::move(context)), reply_(std::move(reply)) {}
  void Cancel() { context_->TryCancel(); }
  DeleteReply Get() { return reply_.get(); }
  bool IsDone() const {
    return reply_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

 private:
  std::shared_ptr<grpc::ClientContext> context_;
  std::future<DeleteReply> reply_;
};

// Thread-safe.
class DeleteClient {
 public:
  // `address`: HOST:PORT. The client has its own connection and uses no proxy.
  explicit DeleteClient(const std::string& address);

  DeleteReply Delete(const DeleteCall& call = {}) const;
  // The client must outlive the call.
  [[nodiscard]] PendingDelete Start(const DeleteCall& call = {}) const;
  // Calls any method with any request bytes.
  [[nodiscard]] DeleteReply CallRaw(
      const std::string& method, const std::string& request,
      std::chrono::milliseconds timeout = std::chrono::seconds(20)) const;

  [[nodiscard]] const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  DeleteReply Run(const DeleteCall& call, grpc::ClientContext* context) const;

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<aymara::evals::v1::EvalRunService::Stub> stub_;
};

inline constexpr char kDeleteMethod[] = "/aymara.evals.v1.EvalRunService/DeleteEvalRun";

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_DELETE_CLIENT_H_
