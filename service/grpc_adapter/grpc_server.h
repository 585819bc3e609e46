// SPDX-License-Identifier: Apache-2.0
//
// File: grpc_server.h
//
// The gRPC port: EvalRunService, health and reflection, from start to drain.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_GRPC_SERVER_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_GRPC_SERVER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include <absl/status/statusor.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "rest_backend/http/http_client.h"
#include "service/event_loop/event_loop.h"
#include "service/grpc_adapter/call_accounting.h"
#include "service/grpc_adapter/call_pool.h"
#include "service/grpc_adapter/connection_guard.h"
#include "service/grpc_adapter/connection_reporter.h"
#include "service/grpc_adapter/connection_table.h"
#include "service/grpc_adapter/failed_handshakes.h"
#include "service/grpc_adapter/generic_call_pool.h"
#include "service/grpc_adapter/http_event_source.h"
#include "service/grpc_adapter/listener.h"
#include "service/grpc_adapter/make_poller.h"
#include "service/handler/delete_handler.h"
#include "service/handler/live_config.h"
#include "service/observability/event_log.h"
#include "service/observability/limit_metrics.h"
#include "service/observability/metrics.h"

namespace evalrun::grpc_adapter {

struct GrpcServerOptions {
  std::string host;        // an IP address without brackets, or a name
  std::uint16_t port = 0;  // 0: one that is free
  // Connections with a greater descriptor are closed at once (listener.h).
  int max_socket = std::numeric_limits<int>::max();
  std::size_t max_connections = 500;
  std::size_t max_connections_per_peer = 250;  // see PeerName::host
  int max_concurrent_streams = 100;
  GrpcHooks hooks = {};
  // How long received bytes may wait until they are read, in processor time of the event loop. When
  // it is longer, connections are closed. 0: unlimited. With active hooks only.
  std::chrono::milliseconds max_receive_wait{100};
  int max_message_bytes = 65536;
  int max_metadata_bytes = 8192;
  std::chrono::milliseconds max_connection_age{0};  // 0: unlimited
  std::chrono::milliseconds max_connection_age_grace{120'000};
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds keepalive_time{60'000};
  std::chrono::milliseconds client_timeout{10'000};      // of a call: call_accounting.h
  std::shared_ptr<grpc::ServerCredentials> credentials;  // nullptr: plaintext
};

// What the server serves with, and reads figures of. All of it outlives the server; nothing is
// null.
struct GrpcServerDependencies {
  handler::DeleteHandler* delete_handler;
  observability::Metrics* metrics;
  const observability::EventLog* events;
};

// Public functions are thread-safe.
class GrpcServer {
 public:
  // What belongs to the event loop and operators see.
  struct Sample {
    std::uint64_t retry_after_gate_closures = 0;
    std::chrono::milliseconds retry_after_gate_remaining{0};
    std::int64_t retry_budget_saved = 0;
    std::size_t connections_open = 0;
    observability::LimitSnapshot limits = {};
    bool deletions_enabled = true;
    std::size_t protected_runs = 0;
  };

  // Listens, but accepts no connections before Start().
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Listen(
      const GrpcServerOptions& options, http::HttpClientOptions http,
      const GrpcServerDependencies& dependencies);
  // Stop() must have returned true if Start() was called.
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  void Start();

  // Health responds NOT_SERVING from now on; calls are still served. Load balancers stop sending
  // new ones.
  void AnnounceShutdown();

  // Refuses new connections, sends GOAWAY, and returns true when every call has been answered;
  // after `timeout` the calls that are left are answered with what is certain about them then. Open
  // health watches do not delay it.
  // False when the event loop does not work through this within two more seconds: the process must
  // then end without destroying this object.
  [[nodiscard]] bool Stop(std::chrono::milliseconds timeout);

  // Completes all deletions with what is certain about them now, so that Stop() returns soon, and
  // those whose message is still to come when it does. During Stop() only.
  void EndCalls();

  // See handler::DeleteHandler. Applies to calls that arrive after `on_applied` was called, on the
  // event loop. Returns after that, or after a second when the loop does not respond: it is then
  // applied later. Not from the loop's thread.
  void SetLiveConfig(handler::LiveConfig live_config, std::function<void()> on_applied);

  // Runs `task` on the event loop, without waiting for it; not when the loop has ended.
  void Post(std::function<void()> task);

  // The peer of the TLS handshake that gRPC reports as failed while it calls this. Thread-safe.
  void FindHandshakePeer(FailedHandshakes::OnIdentified on_identified);

  // `host:port`, with the port that was picked.
  [[nodiscard]] const std::string& address() const { return address_; }

  // Taken on the event loop; the last one when the loop does not respond within a tenth of a
  // second.
  [[nodiscard]] Sample TakeSample();

  [[nodiscard]] std::size_t calls_in_flight() const { return calls_->in_flight(); }
  [[nodiscard]] const http::HttpClient& http() const { return http_; }
  [[nodiscard]] const event_loop::EventLoop& loop() const { return *loop_; }
  [[nodiscard]] const Listener& listener() const { return *listener_; }
  [[nodiscard]] const ConnectionReporter& connections() const { return connection_reporter_; }
  [[nodiscard]] const CallAccounting& accounting() const { return *accounting_; }

 private:
  GrpcServer(const GrpcServerOptions& options, http::HttpClientOptions http,
             const GrpcServerDependencies& dependencies);
  bool OnAccepted(int socket);
  [[nodiscard]] Sample SampleOnLoop();

  const GrpcServerDependencies dependencies_;
  std::string address_;
  http::HttpClient http_;
  HttpEventSource http_events_{&http_};
  RawEvalRunService service_;
  grpc::AsyncGenericService generic_service_;  // every other method
  std::unique_ptr<event_loop::EventLoop> loop_;
  ConnectionReporter connection_reporter_;
  ConnectionTable connections_;
  FailedHandshakes failed_handshakes_;
  std::unique_ptr<ConnectionGuard> guard_;
  std::unique_ptr<CallAccounting> accounting_;
  std::unique_ptr<CallPool> calls_;
  std::unique_ptr<GenericCallPool> generic_calls_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Listener::Acceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  std::mutex sample_mutex_;
  Sample last_sample_;  // guarded by sample_mutex_
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_GRPC_SERVER_H_
