// SPDX-License-Identifier: Apache-2.0
//
// File: gateway_call.h
//
// evalrunctl's use of gRPC: the channel, the connection, and one call of each kind.
#ifndef EVALRUN_SERVICE_CLI_GATEWAY_CALL_H_
#define EVALRUN_SERVICE_CLI_GATEWAY_CALL_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <absl/status/statusor.h>
#include <google/protobuf/empty.pb.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>

#include "aymara/evals/v1/eval_run_service.grpc.pb.h"
#include "service/cli/delete_result.h"

namespace evalrun::cli {

// Creates a channel to the gateway without connecting yet. Proxy variables of the environment are
// ignored, because a gateway is inside the same network. Errors are those of LoadTlsCredentials().
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(
    const Connection& connection);

// How Connect() goes about it.
struct ConnectOptions {
  std::chrono::milliseconds timeout{0};
  // Retry until the timeout, for a gateway that is being restarted. Otherwise the first failure is
  // final.
  bool wait_for_ready = false;
  // Polled a few times a second; returning true ends Connect().
  std::function<bool()> should_stop = nullptr;
};

// Connects unless the channel is connected already. Returns gRPC's error message, or nullopt on
// success.
[[nodiscard]] std::optional<std::string> Connect(const std::shared_ptr<grpc::Channel>& channel,
                                                 const ConnectOptions& options);

// One DeleteEvalRun call. The constructor sends it. When it has finished, its address is returned
// by the completion queue as the tag; only then may it be destroyed, or Report() be called.
class PendingCall {
 public:
  PendingCall(aymara::evals::v1::EvalRunService::Stub* stub, grpc::CompletionQueue* queue,
              const Connection& connection, const DeleteRequest& request);

  void Cancel() { context_.TryCancel(); }

  [[nodiscard]] DeleteResult Report(const Connection& connection,
                                    const DeleteRequest& request) const;

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<google::protobuf::Empty>> reader_;
  google::protobuf::Empty response_;
  grpc::Status status_;
};

// The result of `grpc.health.v1.Health/Check` for the whole server.
struct HealthCheckResult {
  bool serving = false;
  std::string explanation;  // sentences without the last full stop
};

[[nodiscard]] HealthCheckResult CallHealth(const std::shared_ptr<grpc::Channel>& channel,
                                           const Connection& connection);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_GATEWAY_CALL_H_
