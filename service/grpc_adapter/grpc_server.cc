// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/grpc_server.h"

#include <algorithm>
#include <cstdint>
#include <future>
#include <limits>
#include <thread>
#include <utility>

#include <grpc/grpc.h>
#include <grpcpp/server_builder.h>

#include "service/grpc_adapter/grpc_compat.h"
#include "service/ratelimit/limit_snapshot.h"

namespace evalrun::grpc_adapter {
namespace {

// How often a client may ping without calls. CALLERS.md allows a ping every ten seconds; the bound
// is well below it, so that jitter does not make a well-behaved client look hostile.
constexpr int kMinPingIntervalMs = 5'000;

// How long a client may take to respond to a keepalive ping.
constexpr std::chrono::milliseconds kKeepaliveTimeout{20'000};

// How long Stop() waits for the event loop beyond the time that calls have.
constexpr std::chrono::seconds kStopGrace{2};

// How long SetLiveConfig() waits for the event loop.
constexpr std::chrono::seconds kApplyTimeout{1};
// How much of that gRPC has to write the last responses. It then cancels the calls whose clients do
// not take them.
constexpr std::chrono::seconds kWriteGrace{1};

// How long TakeSample() waits for the event loop.
constexpr std::chrono::milliseconds kSampleTimeout{100};

// A time in milliseconds as gRPC takes it, where 0 means unlimited.
int OrUnlimited(std::chrono::milliseconds time) {
  return time.count() == 0 ? std::numeric_limits<int>::max() : static_cast<int>(time.count());
}

// What the kernel keeps of a connection until it is read (it doubles the value, for its own use,
// too). gRPC 1.51 reads on, and delivers no calls meanwhile, when a read leaves anything; so one
// read takes all that can be there.
constexpr int kReceiveBufferBytes = 16 << 10;
constexpr int kReadBytes = 4 * kReceiveBufferBytes;
constexpr int kSendBufferBytes = 64 << 10;

// What connections may send beyond what their calls account for. Each byte may cost nearly a KiB: a
// call can begin with 18 bytes, and takes 16 KiB; a field of a header block takes one byte and some
// 60 of memory.
ConnectionGuard::Options MakeGuardOptions(const GrpcServerOptions& options) {
  constexpr std::uint64_t kBeginBytes = 16 << 10;  // of TLS and HTTP/2
  constexpr std::uint64_t kIncompleteCallBytes = 1 << 10;
  constexpr std::uint64_t kMaxIncompleteCalls = 4096;
  constexpr std::uint64_t kUsualCalls = 100;
  constexpr std::uint64_t kUsualCallBytes = 512;
  constexpr std::uint64_t kSlackBytes = 48 << 10;
  const std::uint64_t one_call = static_cast<std::uint64_t>(options.max_metadata_bytes) +
                                 static_cast<std::uint64_t>(options.max_message_bytes);
  const auto calls = std::min<std::uint64_t>(
      static_cast<std::uint64_t>(options.max_concurrent_streams), kMaxIncompleteCalls);
  // Under overload calls wait in gRPC for the event loop: with more of them, more may wait.
  const std::uint64_t more_calls = (calls - std::min(calls, kUsualCalls)) * kUsualCallBytes;
  const std::uint64_t without_calls = kBeginBytes + one_call + more_calls;
  return {.max_excess_bytes = kBeginBytes + one_call + calls * kIncompleteCallBytes + kSlackBytes,
          .max_excess_bytes_without_calls = without_calls,
          .max_excess_bytes_at_once =
              kReadsOnLoopThread ? kUsualCalls * kUsualCallBytes + more_calls : without_calls,
          .max_total_excess_bytes = std::max<std::uint64_t>(512 << 10, kBeginBytes + one_call),
          .uncounted_bytes = (8 << 10) + more_calls};
}

void Configure(const GrpcServerOptions& options, grpc::ServerBuilder* builder) {
  // Not used here, and their filters would cost every call. A compressed request is answered
  // UNIMPLEMENTED: a delete request is a hundred bytes, and inflating has no bound in gRPC 1.51.
  builder->AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
  builder->AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  builder->AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  // The handler ends each call in time: a timer of gRPC for each call would add 1.5 % to its
  // instructions, and end late calls on another thread.
  DisableDeadlineTimers(builder);
  AcceptPendingCalls(builder);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, options.max_metadata_bytes);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              kMinPingIntervalMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Connections end by their age alone, for which gRPC sends GOAWAY with NO_ERROR and serves what
  // arrives until the client has seen it. GRPC_ARG_MAX_CONNECTION_IDLE_MS would close a connection
  // at once, after a GOAWAY with INTERNAL_ERROR, and fail a call that is on its way.
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                              OrUnlimited(options.max_connection_age));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                              static_cast<int>(options.max_connection_age_grace.count()));
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                              static_cast<int>(options.handshake_timeout.count()));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                              static_cast<int>(options.keepalive_time.count()));
  SetKeepaliveTimeout(kKeepaliveTimeout, builder);
  builder->AddChannelArgument(GRPC_ARG_TCP_READ_CHUNK_SIZE, kReadBytes);
  builder->AddChannelArgument(GRPC_ARG_TCP_MIN_READ_CHUNK_SIZE, kReadBytes);
  builder->AddChannelArgument(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, kReadBytes);
  builder->SetMaxReceiveMessageSize(options.max_message_bytes);
}

}  // namespace

GrpcServer::GrpcServer(const GrpcServerOptions& options, http::HttpClientOptions http,
                       const GrpcServerDependencies& dependencies)
    : dependencies_(dependencies),
      http_(std::move(http)),
      connection_reporter_(dependencies.events),
      connections_({.max_connections = options.max_connections,
                    .max_per_peer = options.max_connections_per_peer},
                   &connection_reporter_),
      failed_handshakes_(options.handshake_timeout) {}

GrpcServer::~GrpcServer() = default;

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Listen(
    const GrpcServerOptions& options, http::HttpClientOptions http,
    const GrpcServerDependencies& dependencies) {
  std::unique_ptr<GrpcServer> server(new GrpcServer(options, std::move(http), dependencies));
  auto listener = Listener::Create(
      {.host = options.host,
       .port = options.port,
       .max_socket = options.max_socket,
       .tcp_user_timeout = kKeepaliveTimeout,
       .receive_buffer_bytes = kReceiveBufferBytes,
       .send_buffer_bytes = kSendBufferBytes,
       .on_accepted = [server = server.get()](int socket) { return server->OnAccepted(socket); }});
  if (!listener.ok()) return listener.status();
  server->listener_ = *std::move(listener);

  grpc::ServerBuilder builder;
  Configure(options, &builder);
  server->acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      options.credentials != nullptr ? options.credentials : grpc::InsecureServerCredentials());
  builder.RegisterService(&server->service_);
  builder.RegisterAsyncGenericService(&server->generic_service_);
  auto loop = event_loop::EventLoop::Create(
      [&](int fd, void* fd_tag) {
        return MakePoller(options.hooks, builder.AddCompletionQueue(), fd, fd_tag,
                          options.max_receive_wait);
      },
      &server->http_events_);
  if (!loop.ok()) return loop.status();
  server->loop_ = *std::move(loop);
  auto guard = ConnectionGuard::Start(MakeGuardOptions(options), server->loop_.get(),
                                      &server->connection_reporter_);
  if (!guard.ok()) return guard.status();
  server->guard_ = *std::move(guard);
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr) return absl::InternalError("gRPC does not start a server");

  server->address_ = server->listener_->address();
  server->accounting_ = std::make_unique<CallAccounting>(
      CallAccounting::Options{
          .max_concurrent_streams = static_cast<std::size_t>(options.max_concurrent_streams),
          .client_timeout = options.client_timeout},
      &server->connections_, &server->connection_reporter_, &server->loop_->timers());
  server->calls_ =
      std::make_unique<CallPool>(server->loop_.get(), &server->http_, &server->service_,
                                 dependencies.delete_handler, server->accounting_.get());
  server->generic_calls_ =
      std::make_unique<GenericCallPool>(server->loop_.get(), &server->generic_service_,
                                        dependencies.metrics, server->accounting_.get());
  absl::Status accepting = server->listener_->Start(server->loop_.get(), server->acceptor_.get());
  if (!accepting.ok()) return accepting;
  return server;
}

bool GrpcServer::OnAccepted(int socket) {
  std::shared_ptr<Connection> connection = connections_.Add(socket);
  if (connection == nullptr) return false;
  failed_handshakes_.Add(connection, FailedHandshakes::Clock::now());
  guard_->Watch(std::move(connection));
  OnSocketAccepted(socket);
  return true;
}

void GrpcServer::Start() {
  calls_->RequestCalls();
  generic_calls_->RequestCalls();
  loop_->Start();
}

void GrpcServer::AnnounceShutdown() {
  loop_->Post([this] { generic_calls_->SetServing(false); });
}

bool GrpcServer::Stop(std::chrono::milliseconds timeout) {
  // Shared with the loop, which may outlast this function.
  const auto drained = std::make_shared<std::promise<void>>();
  const auto generic_drained = std::make_shared<std::promise<void>>();
  const auto closed = std::make_shared<std::promise<void>>();
  loop_->Post([this, drained, generic_drained, closed] {
    listener_->Stop();
    closed->set_value();
    calls_->Drain([drained] { drained->set_value(); });
    generic_calls_->Drain([generic_drained] { generic_drained->set_value(); });
  });
  const auto give_up_at = std::chrono::steady_clock::now() + timeout + kStopGrace;
  const auto is_done = [&give_up_at](const std::future<void>& future) {
    return future.wait_until(give_up_at) == std::future_status::ready;
  };
  const std::future<void> all_answered = drained->get_future();
  // gRPC neither takes nor closes a connection that is accepted during its shutdown.
  if (!is_done(closed->get_future())) return false;
  // Shutdown() sends GOAWAY, returns the calls that are requested, and waits for all streams to
  // end.
  std::thread shutdown([server = server_.get(), timeout] {
    server->Shutdown(std::chrono::system_clock::now() + timeout + kWriteGrace);
  });
  // By this service, and not by gRPC: its UNAVAILABLE would say nothing about the run, and nothing
  // would keep a proxy from retrying it.
  if (all_answered.wait_for(timeout) != std::future_status::ready) EndCalls();
  // It would wait for health watches, too, until its deadline. Once the deletions are answered,
  // nothing is left that is worth waiting for.
  if (!is_done(all_answered)) {
    shutdown.detach();
    return false;
  }
  grpc_server_cancel_all_calls(server_->c_server());
  if (!is_done(generic_drained->get_future())) {
    shutdown.detach();
    return false;
  }
  shutdown.join();
  return loop_->ShutDown(std::chrono::duration_cast<std::chrono::milliseconds>(kStopGrace));
}

void GrpcServer::EndCalls() {
  loop_->Post([this] {
    dependencies_.delete_handler->EndNewCalls();  // those whose message is still to come
    calls_->EndForShutdown();
  });
}

void GrpcServer::SetLiveConfig(handler::LiveConfig live_config, std::function<void()> on_applied) {
  const auto applied = std::make_shared<std::promise<void>>();
  const bool posted = loop_->Post([this, live_config = std::move(live_config),
                                   on_applied = std::move(on_applied), applied]() mutable {
    dependencies_.delete_handler->SetLiveConfig(std::move(live_config));
    on_applied();
    applied->set_value();
  });
  if (posted) applied->get_future().wait_for(kApplyTimeout);
}

void GrpcServer::Post(std::function<void()> task) { loop_->Post(std::move(task)); }

void GrpcServer::FindHandshakePeer(FailedHandshakes::OnIdentified on_identified) {
  // Newer gRPC than 1.51 reports on threads of its own, which close the socket at any time.
  if (!loop_->IsLoopThread()) {
    on_identified(nullptr);
    return;
  }
  failed_handshakes_.OnFailure(std::move(on_identified), FailedHandshakes::Clock::now());
  loop_->Post([this] { failed_handshakes_.Identify(); });
}

GrpcServer::Sample GrpcServer::SampleOnLoop() {
  const auto now = std::chrono::steady_clock::now();
  deletion::AdmissionController& admission = dependencies_.delete_handler->admission();
  const handler::LiveConfig& live_config = dependencies_.delete_handler->live_config();
  return {.retry_after_gate_closures = admission.retry_after_gate_closures(),
          .retry_after_gate_remaining = admission.longest_retry_after_gate_wait(now),
          .retry_budget_saved = admission.retry_budget().saved(),
          .connections_open = connections_.CountOpen(),
          .limits = ratelimit::MakeLimitSnapshot(
              dependencies_.delete_handler->limiter(),
              std::chrono::nanoseconds(now.time_since_epoch()).count()),
          .deletions_enabled = live_config.deletions_enabled,
          .protected_runs =
              live_config.protected_runs == nullptr ? 0 : live_config.protected_runs->size()};
}

GrpcServer::Sample GrpcServer::TakeSample() {
  const auto promise = std::make_shared<std::promise<void>>();
  if (loop_->Lag() < kSampleTimeout) {
    const bool posted = loop_->Post([this, promise] {
      Sample sample = SampleOnLoop();
      const std::lock_guard lock(sample_mutex_);
      last_sample_ = std::move(sample);
      promise->set_value();
    });
    if (posted) promise->get_future().wait_for(kSampleTimeout);
  }
  const std::lock_guard lock(sample_mutex_);
  return last_sample_;
}

}  // namespace evalrun::grpc_adapter
