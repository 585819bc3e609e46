#include "service/cli/gateway_call.h"

#include <chrono>
#include <future>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <google/protobuf/wrappers.pb.h>
#include <grpc/grpc.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "aymara/evals/v1/eval_run_service.grpc.pb.h"

namespace evalrun::cli {
namespace {

using Deadline = std::chrono::system_clock::time_point;

// The first value of `key`, or nothing.
std::string Find(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata,
                 std::string_view key) {
  const auto it = metadata.find(grpc::string_ref(key.data(), key.size()));
  return it == metadata.end() ? std::string() : std::string(it->second.data(), it->second.size());
}

struct HealthAnswer {
  grpc::Status status;
  unsigned serving_status = 0;
};

// grpc.health.v1.Health/Check for the whole server. Debian does not package the .proto of it; on
// the wire HealthCheckRequest{string service = 1} is a StringValue, and
// HealthCheckResponse{ServingStatus status = 1} is a UInt32Value.
HealthAnswer CheckHealth(const std::shared_ptr<grpc::Channel>& channel, Deadline deadline) {
  grpc::TemplatedGenericStub<google::protobuf::StringValue, google::protobuf::UInt32Value> stub(
      channel);
  grpc::ClientContext context;
  context.set_deadline(deadline);
  const google::protobuf::StringValue request;
  google::protobuf::UInt32Value response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  HealthAnswer answer;
  answer.status = done.get_future().get();
  answer.serving_status = response.value();
  return answer;
}

// Makes the connection. Returns why not, or nothing when it is there.
std::optional<std::string> ConnectError(const std::shared_ptr<grpc::Channel>& channel,
                                        Deadline deadline) {
  for (;;) {
    const grpc_connectivity_state state = channel->GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return std::nullopt;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) {
      // The channel does not tell why; a call does, and this one does no harm.
      const HealthAnswer answer = CheckHealth(channel, deadline);
      if (answer.status.error_code() == grpc::StatusCode::UNAVAILABLE) {
        return answer.status.error_message();
      }
    }
    if (!channel->WaitForStateChange(state, deadline)) return "no connection in time";
  }
}

}  // namespace

std::shared_ptr<grpc::Channel> OpenChannel(const Connection& connection) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetUserAgentPrefix("evalrunctl");
  return grpc::CreateCustomChannel(connection.server, grpc::InsecureChannelCredentials(),
                                   arguments);
}

DeleteReport CallDelete(const std::shared_ptr<grpc::Channel>& channel, const Connection& connection,
                        const DeleteRequest& request) {
  const Deadline deadline = std::chrono::system_clock::now() + connection.timeout;
  if (const auto error = ConnectError(channel, deadline); error.has_value()) {
    return ReportConnectFailure(request, connection, *error);
  }
  aymara::evals::v1::DeleteEvalRunRequest message;
  message.set_eval_run_uuid(request.eval_run_uuid);
  if (request.workspace_uuid.has_value()) message.set_workspace_uuid(*request.workspace_uuid);
  message.set_allow_missing(request.allow_missing);

  grpc::ClientContext context;
  context.set_deadline(deadline);
  if (!request.request_id.empty()) context.AddMetadata("x-request-id", request.request_id);
  google::protobuf::Empty nothing;
  const auto stub = aymara::evals::v1::EvalRunService::NewStub(channel);
  const grpc::Status status = stub->DeleteEvalRun(&context, message, &nothing);

  Reply reply;
  reply.code = static_cast<absl::StatusCode>(status.error_code());
  reply.message = status.error_message();
  reply.details = status.error_details();
  reply.deletion = Find(context.GetServerTrailingMetadata(), "evalrun-deletion");
  reply.request_id = Find(context.GetServerInitialMetadata(), "x-request-id");
  return ReadReply(request, connection, reply);
}

HealthReport CallHealth(const std::shared_ptr<grpc::Channel>& channel,
                        const Connection& connection) {
  const Deadline deadline = std::chrono::system_clock::now() + connection.timeout;
  if (const auto error = ConnectError(channel, deadline); error.has_value()) {
    return {false, fmt::format("{} cannot be reached: {}", connection.server, *error)};
  }
  const HealthAnswer answer = CheckHealth(channel, deadline);
  if (!answer.status.ok()) {
    if (answer.status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
      return {false, fmt::format("{} answers, but knows no health check: it is not the gateway",
                                 connection.server)};
    }
    return {false, fmt::format("{} does not answer the health check: {}", connection.server,
                               answer.status.error_message())};
  }
  constexpr unsigned kServing = 1;  // grpc.health.v1.HealthCheckResponse.SERVING
  if (answer.serving_status == kServing) {
    return {true, fmt::format("{} is serving", connection.server)};
  }
  return {false, fmt::format("{} is not serving: it is starting or stopping", connection.server)};
}

}  // namespace evalrun::cli
