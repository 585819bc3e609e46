// evalrun-gateway: the wiring, from top to bottom.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <curl/curl.h>
#include <spdlog/logger.h>

#include "rest_backend/http/client_tls.h"
#include "service/admin/admin_server.h"
#include "service/admin_sources.h"
#include "service/atomic_shared_ptr.h"
#include "service/authz/key_ring.h"
#include "service/authz/policy.h"
#include "service/config/live_settings.h"
#include "service/config/load_config.h"
#include "service/config/secret.h"
#include "service/config/tls.h"
#include "service/config/watched_files.h"
#include "service/config/yaml_writer.h"
#include "service/grpc_adapter/grpc_server.h"
#include "service/grpc_adapter/server_tls.h"
#include "service/grpc_hooks/polled_queue.h"
#include "service/observability/access_log.h"
#include "service/observability/audit_log.h"
#include "service/observability/config_metrics.h"
#include "service/observability/credential_metrics.h"
#include "service/observability/event_log.h"
#include "service/observability/grpc_log_capture.h"
#include "service/observability/line_sink.h"
#include "service/observability/metrics.h"
#include "service/observability/process_metrics.h"
#include "service/observability/recent_errors.h"
#include "service/options_from_config.h"
#include "service/process/core_dumps.h"
#include "service/process/termination_signal.h"
#include "service/ratelimit/shared_limits.h"
#include "service/reload/certificate_reloader.h"
#include "service/reload/key_file_times.h"
#include "service/reload/reload_thread.h"
#include "service/reload/reloader.h"

namespace evalrun::service {
namespace {

using std::chrono::system_clock;

std::shared_ptr<spdlog::logger> MakeLogger(const char* name, spdlog::level::level_enum level,
                                           std::shared_ptr<observability::LineSink> sink) {
  auto logger = std::make_shared<spdlog::logger>(name, std::move(sink));
  logger->set_level(level);
  return logger;
}

int Fail(const observability::EventLog& events, std::string_view what, std::string_view address,
         const absl::Status& status) {
  const std::string reason(status.message());
  events.Write(spdlog::level::critical, "start_failed",
               {{"what", what}, {"address", address}, {"reason", reason}});
  std::cerr << "evalrun-gateway: " << what << " " << address << ": " << reason << "\n";
  return 1;
}

// Worth a line: without a policy everybody may do everything.
void LogAuthorizationMode(const authz::AccessPolicy& policy, spdlog::level::level_enum level,
                          const observability::EventLog& events) {
  events.Write(level, "authorization", {{"mode", policy.mode()}});
}

void SetKeys(authz::KeyRing next, const observability::EventLog& events,
             AtomicSharedPtr<authz::KeyRing>* keys) {
  const std::vector<std::string> changed = next.KeysChangedSince(*keys->Get());
  keys->Set(std::move(next));
  for (const std::string& name : changed) {
    events.Write(spdlog::level::info, "upstream_key_changed", {{"upstream_key", name}});
  }
}

// `reload_config` reads its files through `files`, as it did for `loaded`.
int Serve(config::LoadedConfig loaded, const reload::Reloader::Load& reload_config,
          config::WatchedFiles* files) {
  const config::v1::GatewayConfig config = loaded.config;

  const auto sink =
      std::make_shared<observability::LineSink>(STDOUT_FILENO, config.log().buffer_bytes());
  const auto event_logger = MakeLogger("events", ToSpdlogLevel(config.log().level()), sink);
  const observability::EventLog events(event_logger);
  const observability::GrpcLogCapture grpc_log(&events);
  observability::GrpcLogCapture::SetLevel(event_logger->level());
  observability::RecentErrors errors;
  observability::AccessLog access_log(MakeLogger("access", spdlog::level::info, sink),
                                      MakeAccessLogOptions(loaded), &errors);
  observability::Metrics metrics;
  const auto audit_log =
      observability::AuditLog::Open(MakeAuditOptions(config), sink, metrics.registry(), &events);
  if (!audit_log.ok()) {
    return Fail(events, "cannot audit to", config.audit().to(), audit_log.status());
  }
  observability::ProcessMetrics process(metrics.registry(), BuildLabels());
  observability::ConfigMetrics config_metrics(metrics.registry());
  config_metrics.OnLoaded(config::HashConfig(config), /*needs_restart=*/false, system_clock::now());

  std::optional<ratelimit::SharedLimits> shared_limits;
  if (auto options = MakeSharedLimitsOptions(loaded)) {
    shared_limits.emplace(*std::move(options), config.limits().redis().address(), &events,
                          metrics.registry());
  }
  ratelimit::Limiter limiter(
      {.max_keys = config.limits().max_keys(), .seed = std::random_device()()},
      shared_limits.has_value() ? shared_limits->mailbox() : nullptr);
  limiter.SetRules(MakeRuleSet(loaded), config.limits().replicas());

  AtomicSharedPtr<authz::AccessPolicy> access_policy(MakeAccessPolicy(config));
  AtomicSharedPtr<authz::KeyRing> keys(BuildKeyRing(loaded));
  process.SetKeyFileTimes(reload::GetKeyFileTimes(config.upstream(), process.started_at()));

  observability::CredentialMetrics credential_metrics(metrics.registry());
  reload::CertificateReloader certificates(&events, &credential_metrics);
  grpc_adapter::ServerTls server_tls(ToClientCertificateRequest(loaded));
  grpc_adapter::GrpcServerOptions server_options = MakeServerOptions(loaded);
  if (const auto paths = config::ToTlsPaths(config.tls()); !paths.certificate.empty()) {
    const auto apply = [&server_tls](const http::TlsMaterial& material) {
      server_tls.Set(material);
      return absl::OkStatus();
    };
    const absl::Status status = certificates.Add("server", paths, apply, system_clock::now());
    if (!status.ok()) return Fail(events, "cannot use TLS on", config.listen(), status);
    server_options.credentials = server_tls.Credentials();
  } else if (config.server().insecure()) {
    events.Write(spdlog::level::warn, "insecure",
                 {{"what", "calls are served without TLS"}, {"address", config.listen()}});
  }

  http::ClientTls upstream_tls;
  http::HttpClientOptions http_options = MakeHttpOptions(loaded);
  if (const auto paths = config::ToTlsPaths(config.upstream());
      !paths.certificate.empty() || !paths.authorities.empty()) {
    const auto apply = [&upstream_tls](const http::TlsMaterial& material) {
      return upstream_tls.Set(material);
    };
    const absl::Status status = certificates.Add("upstream", paths, apply, system_clock::now());
    if (!status.ok()) return Fail(events, "cannot use TLS to", config.upstream().url(), status);
    http_options.tls = &upstream_tls;
  }

  auto server = grpc_adapter::GrpcServer::Listen(std::move(server_options), std::move(http_options),
                                                 MakeDeleteOptions(loaded),
                                                 {.metrics = &metrics,
                                                  .access_log = &access_log,
                                                  .audit_log = audit_log->get(),
                                                  .limiter = &limiter,
                                                  .access_policy = &access_policy,
                                                  .keys = &keys});
  if (!server.ok()) return Fail(events, "cannot serve gRPC on", config.listen(), server.status());
  grpc_adapter::GrpcServer& grpc_server = **server;

  std::atomic<bool> draining = false;
  AtomicSharedPtr<std::string> shown_config(loaded.printed_config);
  auto admin = admin::AdminServer::Start(loaded.admin_listen.host, loaded.admin_listen.port,
                                         MakeAdminSources({.shown_config = &shown_config,
                                                           .server = &grpc_server,
                                                           .metrics = &metrics,
                                                           .process = &process,
                                                           .errors = &errors,
                                                           .sink = sink.get(),
                                                           .event_logger = event_logger.get(),
                                                           .events = &events,
                                                           .draining = &draining}));
  if (!admin.ok()) {
    return Fail(events, "cannot serve HTTP on", config.admin_listen(), admin.status());
  }

  if (access_policy.Get()->mode() != "off") {
    LogAuthorizationMode(*access_policy.Get(), spdlog::level::info, events);
  }
  grpc_server.Start();
  events.Write(spdlog::level::info, "listening",
               {{"grpc", grpc_server.address()},
                {"admin", (*admin)->address()},
                {"version", config::Version()}});
  sink->flush();

  // What changes while the gateway runs, part by part.
  reload::Reloader reloader(loaded, reload_config, files, &events, &config_metrics);
  reloader.OnReload([&](const config::LoadedConfig& next) {
    event_logger->set_level(ToSpdlogLevel(next.config.log().level()));
    observability::GrpcLogCapture::SetLevel(event_logger->level());
    grpc_server.SetLimits(MakeRuleSet(next), next.config.limits().replicas());
    SetKeys(BuildKeyRing(next), events, &keys);
    process.SetKeyFileTimes(reload::GetKeyFileTimes(next.config.upstream(), process.started_at()));
    const std::string_view mode_before = access_policy.Get()->mode();
    access_policy.Set(MakeAccessPolicy(next.config));
    if (access_policy.Get()->mode() != mode_before) {
      LogAuthorizationMode(*access_policy.Get(), spdlog::level::warn, events);
    }
    shown_config.Set("# after a reload\n" + config::WriteYaml(next.config, {}));
  });
  // From here on the keys are the ring's alone.
  loaded.api_key = {};
  loaded.keys.clear();
  std::optional<reload::ReloadThread> reload_thread;
  reload_thread.emplace(
      &events, std::vector<reload::ReloadThread::Task>{
                   [&](bool reload_requested) { (*audit_log)->RunMaintenance(reload_requested); },
                   [&](bool reload_requested) {
                     reload_requested ? certificates.Reload(system_clock::now())
                                      : certificates.CheckForChanges(system_clock::now());
                   },
                   [&](bool reload_requested) {
                     reload_requested ? reloader.Reload(system_clock::now())
                                      : reloader.CheckForChanges(system_clock::now());
                   }});

  process::WaitForTerminationSignal();
  reload_thread.reset();
  events.Write(spdlog::level::info, "draining");
  draining = true;
  grpc_server.AnnounceShutdown();
  // Load balancers look away meanwhile. A second signal cuts it short.
  process::WaitForTerminationSignal(To<std::chrono::microseconds>(config.drain().delay()));
  grpc_server.Stop(To<std::chrono::milliseconds>(config.drain().timeout()));
  events.Write(spdlog::level::info, "stopped");
  return 0;
}

// Before there is a log.
int FailEarly(std::string_view what, const std::string& reason) {
  std::cerr << "evalrun-gateway: " << what << ": " << reason << "\n";
  return 1;
}

int Main(int argc, char** argv) {
  // Before there is a key to be seen.
  if (const absl::Status status = process::ForbidCoreDumps(); !status.ok()) {
    return FailEarly("cannot forbid core dumps", std::string(status.message()));
  }
  process::BlockTerminationSignals();
  reload::BlockReloadSignal();
  std::signal(SIGPIPE, SIG_IGN);  // fails only for a signal that does not exist
  // Debian builds abseil with its deadlock detector on. It costs gRPC 7 % of its instructions.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  grpc_hooks::PolledQueue::SelectEpollPoller();

  config::WatchedFiles files;
  const auto load = [&] {
    return config::LoadConfig(argc, argv, config::ProcessEnvironment(environ), files.MakeReader());
  };
  config::LoadResult loaded = load();
  if (const auto* early_exit = std::get_if<config::EarlyExit>(&loaded)) {
    std::cout << early_exit->out << std::flush;
    std::cerr << early_exit->err;
    return early_exit->exit_code;
  }
  if (std::get<config::LoadedConfig>(loaded).config.core_dumps()) {
    if (const absl::Status status = process::AllowCoreDumps(); !status.ok()) {
      return FailEarly("cannot allow core dumps", std::string(status.message()));
    }
  }
  if (const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK) {
    return FailEarly("cannot use libcurl", curl_easy_strerror(code));
  }
  const int status = Serve(std::move(std::get<config::LoadedConfig>(loaded)), load, &files);
  curl_global_cleanup();
  return status;
}

}  // namespace
}  // namespace evalrun::service

int main(int argc, char** argv) { return evalrun::service::Main(argc, argv); }
