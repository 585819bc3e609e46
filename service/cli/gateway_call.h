// File: gateway_call.h
//
// The gRPC of evalrunctl: the channel, the connection, and one call of each kind.
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

// A channel to the gateway. No connection is made yet. Proxy variables of the environment are not
// heeded: a gateway is a neighbour. An error is that of LoadTlsCredentials.
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(
    const Connection& connection);

// How Connect() goes about it.
struct ConnectOptions {
  std::chrono::milliseconds timeout{0};
  // Try again until the time is up: for a gateway that is being restarted. Otherwise the first
  // failure is the last.
  bool wait_for_ready = false;
  // Asked a few times a second; true ends it.
  std::function<bool()> should_stop = nullptr;
};

// Makes the connection unless it is there. Returns why not, in gRPC's words, or nothing when it is.
[[nodiscard]] std::optional<std::string> Connect(const std::shared_ptr<grpc::Channel>& channel,
                                                 const ConnectOptions& options);

// One DeleteEvalRun under way. It is sent by the constructor, and its address turns up in the queue
// when it has ended; only then may it be destroyed, or asked for its report.
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

// What `grpc.health.v1.Health/Check` says about the whole server.
struct HealthCheckResult {
  bool serving = false;
  std::string explanation;  // sentences without the last full stop
};

[[nodiscard]] HealthCheckResult CallHealth(const std::shared_ptr<grpc::Channel>& channel,
                                           const Connection& connection);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_GATEWAY_CALL_H_
