// SPDX-License-Identifier: Apache-2.0
//
// File: gateway.h
//
// All parts of evalrun-gateway, and the order in which they start, change and stop. The wiring is
// here and nowhere else; what a setting means for a part is in options_from_config.h.
#ifndef EVALRUN_SERVICE_GATEWAY_H_
#define EVALRUN_SERVICE_GATEWAY_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <spdlog/logger.h>

#include "rest_backend/http/client_tls.h"
#include "service/admin/admin_server.h"
#include "service/atomic_shared_ptr.h"
#include "service/call_reporter.h"
#include "service/config/load_config.h"
#include "service/config/watched_files.h"
#include "service/grpc_adapter/grpc_server.h"
#include "service/grpc_adapter/make_poller.h"
#include "service/grpc_adapter/server_metrics.h"
#include "service/grpc_adapter/server_tls.h"
#include "service/handler/clock.h"
#include "service/handler/delete_handler.h"
#include "service/handler/live_config.h"
#include "service/handler/random_source.h"
#include "service/intent_writer.h"
#include "service/observability/access_log.h"
#include "service/observability/audit_log.h"
#include "service/observability/call_history.h"
#include "service/observability/config_metrics.h"
#include "service/observability/credential_metrics.h"
#include "service/observability/event_log.h"
#include "service/observability/library_log.h"
#include "service/observability/line_sink.h"
#include "service/observability/log_metrics.h"
#include "service/observability/metrics.h"
#include "service/observability/process_metrics.h"
#include "service/observability/recent_errors.h"
#include "service/observability/slowest_calls.h"
#include "service/observability/top_callers.h"
#include "service/ratelimit/redis_tls.h"
#include "service/ratelimit/shared_limits.h"
#include "service/reload/certificate_reloader.h"
#include "service/reload/protected_runs_reloader.h"
#include "service/reload/reload_thread.h"
#include "service/reload/reloader.h"
#include "service/tracing/trace_metrics.h"
#include "service/tracing/tracing.h"

namespace evalrun::service {

// For the main thread, once in a process. Termination signals must be blocked, and libcurl
// initialised.
class Gateway {
 public:
  // `load` loads the configuration and the keys again, as `loaded` was loaded, and reads the files
  // through `files`, which outlives the gateway.
  Gateway(config::LoadedConfig loaded, reload::Reloader::Loaders load, config::WatchedFiles* files);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Starts, serves until SIGTERM or SIGINT, and drains. Returns the exit status: 0, or 1 when it
  // could not start, which an event and standard error explain. Does not return when the event loop
  // is stuck at the end: the process then exits with 1. Nor when a file that is being reloaded, the
  // audit file, the collector of traces, Redis, or the output does not respond: it then exits
  // with 0.
  int Run();

 private:
  // The steps of the start. False when the step failed and was reported.
  [[nodiscard]] bool OpenAuditLog();
  [[nodiscard]] bool LoadProtectedRuns();
  [[nodiscard]] bool ShareLimits();
  [[nodiscard]] bool StartTracing();
  void MakeHandler();
  [[nodiscard]] bool LoadServerCertificate();
  [[nodiscard]] bool LoadUpstreamCertificate();
  [[nodiscard]] bool StartGrpcServer();
  [[nodiscard]] bool StartAdminServer();
  void StartReloading();
  void LogStart() const;
  // Meanwhile takes the samples of the history. Returns whether a signal came before `deadline`.
  bool WaitForTerminationSignal(std::chrono::steady_clock::time_point deadline);
  void Drain();

  void ShareDescriptors(grpc_adapter::GrpcServerOptions* options) const;
  void ApplyReloaded(const config::LoadedConfig& next);
  void ApplyProtectedRuns();
  bool Fail(std::string_view what, std::string_view address, const absl::Status& status) const;

  config::LoadedConfig loaded_;             // its keys are wiped once the handler has them
  const config::v1::GatewayConfig config_;  // the settings of the start
  const reload::Reloader::Loaders load_;
  config::WatchedFiles& files_;

  // Log, events and metrics.
  const std::shared_ptr<observability::LineSink> sink_;
  const std::shared_ptr<spdlog::logger> event_logger_;
  const observability::EventLog events_;
  observability::RecentErrors errors_;
  observability::AccessLog access_log_;
  observability::Metrics metrics_;
  observability::TopCallers top_callers_;
  observability::SlowestCalls slowest_calls_;
  observability::CallHistory history_{std::chrono::steady_clock::now()};
  std::chrono::steady_clock::time_point next_sample_ =
      std::chrono::steady_clock::now() + observability::CallHistory::kInterval;
  observability::LogMetrics log_metrics_;
  const grpc_adapter::GrpcHooks hooks_;
  observability::ProcessMetrics process_metrics_;
  observability::ConfigMetrics config_metrics_;
  observability::CredentialMetrics credential_metrics_;
  observability::LibraryLog library_log_;
  std::unique_ptr<observability::AuditLog> audit_log_;

  // Calls.
  ratelimit::RedisTls redis_tls_;
  std::optional<ratelimit::SharedLimits> shared_limits_;
  std::optional<CallReporter> call_reporter_;
  std::optional<IntentWriter> intent_writer_;  // only where audit.on_failure is refuse
  const handler::MachineClock clock_;
  handler::PseudoRandomSource random_;
  handler::PseudoRandomSource trace_random_;
  std::optional<tracing::Tracing> tracing_;  // empty: no call is traced
  std::optional<tracing::TraceMetrics> trace_metrics_;
  handler::LiveConfig live_config_;  // the one that was last posted to the event loop
  std::unique_ptr<handler::DeleteHandler> delete_handler_;
  reload::CertificateReloader certificates_;
  reload::ProtectedRunsReloader protected_runs_;
  grpc_adapter::ServerTls server_tls_;
  http::ClientTls upstream_tls_;
  grpc_adapter::GrpcServerOptions server_options_;
  http::HttpClientOptions http_options_;
  std::unique_ptr<grpc_adapter::GrpcServer> server_;
  std::optional<grpc_adapter::ServerMetrics> server_metrics_;

  // Operators.
  std::atomic<bool> draining_{false};
  std::atomic<std::uint32_t> replicas_;  // `limits.replicas`
  AtomicSharedPtr<std::string> shown_config_;
  std::unique_ptr<admin::AdminServer> admin_;
  std::optional<reload::Reloader> reloader_;
  std::optional<reload::ReloadThread> reload_thread_;
};

}  // namespace evalrun::service

#endif  // EVALRUN_SERVICE_GATEWAY_H_
