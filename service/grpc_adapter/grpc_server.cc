#include "service/grpc_adapter/grpc_server.h"

#include <future>
#include <limits>
#include <thread>
#include <utility>

#include <absl/strings/str_cat.h>
#include <grpc/grpc.h>
#include <grpcpp/server_builder.h>

#include "service/ratelimit/limit_snapshot.h"

namespace evalrun::grpc_adapter {
namespace {

// What a client may do to a connection on which nothing happens: a ping every ten seconds is
// welcome.
constexpr int kMinPingIntervalMs = 10'000;

// How long a client may take to answer when it is asked whether it is still there.
constexpr int kKeepaliveTimeoutMs = 20'000;

// For a time that gRPC takes in milliseconds, where 0 is to mean for ever.
int OrUnlimited(std::chrono::milliseconds time) {
  return time.count() == 0 ? std::numeric_limits<int>::max() : static_cast<int>(time.count());
}

void Configure(const GrpcServerOptions& options, grpc::ServerBuilder* builder) {
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a port that is taken is an error
  // Each call answers in time by itself: a timer of gRPC's for each would add 1.5 % to its
  // instructions, and end what is late on another thread.
  builder->AddChannelArgument(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 0);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, options.max_metadata_bytes);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              kMinPingIntervalMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                              OrUnlimited(options.max_connection_idle));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                              OrUnlimited(options.max_connection_age));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                              static_cast<int>(options.max_connection_age_grace.count()));
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                              static_cast<int>(options.handshake_timeout.count()));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                              static_cast<int>(options.keepalive_time.count()));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder->SetMaxReceiveMessageSize(options.max_message_bytes);
}

}  // namespace

GrpcServer::GrpcServer(http::HttpClientOptions http, const GrpcServerDependencies& dependencies)
    : dependencies_(dependencies), http_(std::move(http)) {}

GrpcServer::~GrpcServer() = default;

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Listen(
    const GrpcServerOptions& options, http::HttpClientOptions http,
    const GrpcServerDependencies& dependencies) {
  std::unique_ptr<GrpcServer> server(new GrpcServer(std::move(http), dependencies));
  grpc::ServerBuilder builder;
  Configure(options, &builder);
  int port = 0;
  builder.AddListeningPort(
      options.listen,
      options.credentials != nullptr ? options.credentials : grpc::InsecureServerCredentials(),
      &port);
  builder.RegisterService(&server->service_);
  builder.RegisterAsyncGenericService(&server->generic_service_);
  server->loop_ = std::make_unique<event_loop::EventLoop>(builder.AddCompletionQueue(),
                                                          &server->http_, options.max_receive_wait);
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr) {
    return absl::UnavailableError("cannot listen there; is the port taken?");
  }
  server->address_ = absl::StrCat(options.listen.substr(0, options.listen.rfind(':')), ":", port);
  server->calls_ = std::make_unique<CallPool>(server->loop_.get(), &server->service_,
                                              dependencies.delete_handler);
  server->generic_calls_ = std::make_unique<GenericCallPool>(
      server->loop_.get(), &server->generic_service_, dependencies.metrics);
  return server;
}

void GrpcServer::Start() {
  calls_->RequestCalls();
  generic_calls_->RequestCalls();
  loop_->Start();
}

void GrpcServer::AnnounceShutdown() {
  const auto room = loop_->Enter();
  generic_calls_->SetServing(false);
}

void GrpcServer::Stop(std::chrono::milliseconds timeout) {
  std::promise<void> drained;
  std::promise<void> generic_drained;
  {
    const auto room = loop_->Enter();
    calls_->Drain([&] { drained.set_value(); });
    generic_calls_->Drain([&] { generic_drained.set_value(); });
  }
  // Shutdown() sends GOAWAY, hands back the calls that are requested, and waits for all streams to
  // end.
  std::thread shutdown(
      [this, timeout] { server_->Shutdown(std::chrono::system_clock::now() + timeout); });
  // It would wait for health watches, too, until the last moment. Once our own calls are answered,
  // nothing is left that is worth waiting for.
  drained.get_future().wait();
  grpc_server_cancel_all_calls(server_->c_server());
  shutdown.join();
  generic_drained.get_future().wait();
  loop_->ShutDown();
}

void GrpcServer::SetLiveConfig(handler::LiveConfig live_config) {
  const auto room = loop_->Enter();
  dependencies_.delete_handler->SetLiveConfig(std::move(live_config));
}

observability::MetricsSnapshot GrpcServer::Sample() {
  const auto room = loop_->Enter();
  const auto now = std::chrono::steady_clock::now();
  deletion::AdmissionController& admission = dependencies_.delete_handler->admission();
  return {.calls_in_flight = calls_->in_flight(),
          .connections_shed = loop_->connections_shed(),
          .connections_opened = http_.connections_opened(),
          .connections_closed = http_.connections_closed(),
          .log_lines_dropped = 0,
          .retry_after_gate_closures = admission.retry_after_gate_closures(),
          .retry_after_gate_remaining = admission.longest_retry_after_gate_wait(now),
          .retry_budget_saved = admission.retry_budget().saved(),
          .log_rejections_omitted = dependencies_.access_log->rejections_omitted(),
          .limits = ratelimit::MakeLimitSnapshot(
              dependencies_.delete_handler->limiter(),
              std::chrono::nanoseconds(now.time_since_epoch()).count())};
}

}  // namespace evalrun::grpc_adapter
