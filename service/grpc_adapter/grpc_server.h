// File: grpc_server.h
//
// The gRPC port: EvalRunService, health and reflection, from start to drain.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_GRPC_SERVER_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_GRPC_SERVER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <absl/status/statusor.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>

#include "rest_backend/http/http_client.h"
#include "service/event_loop/event_loop.h"
#include "service/grpc_adapter/call_pool.h"
#include "service/grpc_adapter/generic_call_pool.h"
#include "service/handler/delete_handler.h"
#include "service/handler/live_config.h"
#include "service/observability/access_log.h"
#include "service/observability/metrics.h"

namespace evalrun::grpc_adapter {

struct GrpcServerOptions {
  std::string listen;  // `host:port`; port 0 picks one
  int max_concurrent_streams = 500;
  // Of what a caller has sent, until it is read; of this program's processor time. When it is
  // longer, connections are ended. 0: for ever.
  std::chrono::milliseconds max_receive_wait{100};
  int max_message_bytes = 65536;
  int max_metadata_bytes = 16384;
  std::chrono::milliseconds max_connection_idle{0};  // 0: for ever
  std::chrono::milliseconds max_connection_age{0};   // 0: for ever
  std::chrono::milliseconds max_connection_age_grace{120'000};
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds keepalive_time{60'000};
  std::shared_ptr<grpc::ServerCredentials> credentials;  // nullptr: plaintext
};

// What the server serves with, and reads figures of. All of it outlives the server; nothing is
// null.
struct GrpcServerDependencies {
  handler::DeleteHandler* delete_handler;
  observability::Metrics* metrics;
  const observability::AccessLog* access_log;
};

// Public functions are thread-safe.
class GrpcServer {
 public:
  // Listens, but takes no calls before Start().
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Listen(
      const GrpcServerOptions& options, http::HttpClientOptions http,
      const GrpcServerDependencies& dependencies);
  // Stop() must have been called if Start() was.
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  void Start();

  // Health answers NOT_SERVING from now on; calls are still served. What is to balance load
  // elsewhere is told so.
  void AnnounceShutdown();

  // Refuses new connections, tells clients to go away, and returns when every call has been
  // answered, but at the latest after `timeout`, when what is left has been cancelled. Open health
  // watches do not delay it.
  void Stop(std::chrono::milliseconds timeout);

  // See handler::DeleteHandler.
  void SetLiveConfig(handler::LiveConfig live_config);

  // `host:port`, with the port that was picked.
  [[nodiscard]] const std::string& address() const { return address_; }

  // All snapshot but the dropped log lines, which are left at 0.
  [[nodiscard]] observability::MetricsSnapshot Sample();

 private:
  GrpcServer(http::HttpClientOptions http, const GrpcServerDependencies& dependencies);

  const GrpcServerDependencies dependencies_;
  std::string address_;
  http::HttpClient http_;
  RawEvalRunService service_;
  grpc::AsyncGenericService generic_service_;  // every other method
  std::unique_ptr<event_loop::EventLoop> loop_;
  std::unique_ptr<CallPool> calls_;
  std::unique_ptr<GenericCallPool> generic_calls_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_GRPC_SERVER_H_
