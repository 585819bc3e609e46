// SPDX-License-Identifier: Apache-2.0

#include "service/cli/gateway_call.h"

#include <algorithm>
#include <future>
#include <string_view>

#include <fmt/format.h>
#include <google/protobuf/wrappers.pb.h>
#include <grpc/grpc.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "service/cli/connect_advice.h"
#include "service/cli/tls_credentials.h"

namespace evalrun::cli {
namespace {

using Deadline = std::chrono::system_clock::time_point;

// The first value of `key`, or an empty string.
std::string Find(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata,
                 std::string_view key) {
  const auto it = metadata.find(grpc::string_ref(key.data(), key.size()));
  return it == metadata.end() ? std::string() : std::string(it->second.data(), it->second.size());
}

struct HealthResponse {
  grpc::Status status;
  unsigned serving_status = 0;
};

// Calls grpc.health.v1.Health/Check for the whole server. Debian does not package its .proto. On
// the wire, HealthCheckRequest{string service = 1} equals a StringValue, and
// HealthCheckResponse{ServingStatus status = 1} equals a UInt32Value.
HealthResponse CheckHealth(const std::shared_ptr<grpc::Channel>& channel, Deadline deadline) {
  grpc::TemplatedGenericStub<google::protobuf::StringValue, google::protobuf::UInt32Value> stub(
      channel);
  grpc::ClientContext context;
  context.set_deadline(deadline);
  const google::protobuf::StringValue request;
  google::protobuf::UInt32Value response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  HealthResponse health;
  health.status = done.get_future().get();
  health.serving_status = response.value();
  return health;
}

// Removes what gRPC prepends to the cause.
std::string StripConnectPreamble(const std::string& message) {
  constexpr std::string_view kPreamble = "failed to connect to all addresses; last error: ";
  return message.starts_with(kPreamble) ? message.substr(kPreamble.size()) : message;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const Connection& connection) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Reconnect soon after the gateway has restarted.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetUserAgentPrefix("evalrunctl");
  if (!connection.tls.has_value()) {
    return grpc::CreateCustomChannel(connection.server, grpc::InsecureChannelCredentials(),
                                     arguments);
  }
  if (!connection.tls->server_name.empty()) {
    arguments.SetSslTargetNameOverride(connection.tls->server_name);
  }
  const auto credentials = LoadTlsCredentials(*connection.tls);
  if (!credentials.ok()) return credentials.status();
  return grpc::CreateCustomChannel(connection.server, *credentials, arguments);
}

std::optional<std::string> Connect(const std::shared_ptr<grpc::Channel>& channel,
                                   const ConnectOptions& options) {
  constexpr std::chrono::milliseconds kPollInterval{100};
  const Deadline deadline = std::chrono::system_clock::now() + options.timeout;
  std::string error = "no connection in time";
  for (;;) {
    const grpc_connectivity_state state = channel->GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return std::nullopt;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) {
      // The channel does not report why connecting failed. A call does, and this one has no side
      // effects.
      const HealthResponse health = CheckHealth(channel, deadline);
      if (health.status.error_code() == grpc::StatusCode::UNAVAILABLE) {
        error = StripConnectPreamble(health.status.error_message());
        if (!options.wait_for_ready) return error;
      }
    }
    const Deadline now = std::chrono::system_clock::now();
    if (now >= deadline || (options.should_stop && options.should_stop())) return error;
    channel->WaitForStateChange(state, std::min<Deadline>(deadline, now + kPollInterval));
  }
}

PendingCall::PendingCall(aymara::evals::v1::EvalRunService::Stub* stub,
                         grpc::CompletionQueue* queue, const Connection& connection,
                         const DeleteRequest& request) {
  aymara::evals::v1::DeleteEvalRunRequest message;
  message.set_eval_run_uuid(request.eval_run_uuid);
  if (request.workspace_uuid.has_value()) message.set_workspace_uuid(*request.workspace_uuid);
  message.set_allow_missing(request.allow_missing);
  context_.set_deadline(std::chrono::system_clock::now() + connection.timeout);
  if (!request.request_id.empty()) context_.AddMetadata("x-request-id", request.request_id);
  reader_ = stub->AsyncDeleteEvalRun(&context_, message, queue);
  reader_->Finish(&response_, &status_, this);
}

DeleteResult PendingCall::Report(const Connection& connection, const DeleteRequest& request) const {
  RpcResponse reply;
  reply.code = static_cast<absl::StatusCode>(status_.error_code());
  reply.message = status_.error_message();
  reply.details = status_.error_details();
  reply.deletion = Find(context_.GetServerTrailingMetadata(), "evalrun-deletion");
  reply.request_id = Find(context_.GetServerInitialMetadata(), "x-request-id");
  if (reply.request_id.empty()) {  // an error response may consist of trailers only
    reply.request_id = Find(context_.GetServerTrailingMetadata(), "x-request-id");
  }
  return ParseResponse(request, connection, reply);
}

HealthCheckResult CallHealth(const std::shared_ptr<grpc::Channel>& channel,
                             const Connection& connection) {
  const Deadline deadline = std::chrono::system_clock::now() + connection.timeout;
  const auto error = Connect(channel, {connection.timeout});
  if (error.has_value()) {
    return {false, fmt::format("{} cannot be reached: {}. {}", connection.server, *error,
                               ConnectAdvice(*error, connection))};
  }
  const HealthResponse health = CheckHealth(channel, deadline);
  if (!health.status.ok()) {
    if (health.status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
      return {false, fmt::format("{} responds, but has no health service: it is not the gateway",
                                 connection.server)};
    }
    return {false, fmt::format("{} does not respond to the health check: {}", connection.server,
                               health.status.error_message())};
  }
  constexpr unsigned kServing = 1;  // grpc.health.v1.HealthCheckResponse.SERVING
  if (health.serving_status == kServing) {
    return {true, fmt::format("{} is serving", connection.server)};
  }
  return {false, fmt::format("{} is not serving: it is starting or stopping", connection.server)};
}

}  // namespace evalrun::cli
