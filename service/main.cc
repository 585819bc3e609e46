// evalrun-gateway: the wiring, from top to bottom.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <absl/synchronization/mutex.h>
#include <curl/curl.h>
#include <spdlog/logger.h>

#include "rest_backend/http/client_tls.h"
#include "service/admin/admin_server.h"
#include "service/admin_sources.h"
#include "service/atomic_shared_ptr.h"
#include "service/authz/policy.h"
#include "service/call_reporter.h"
#include "service/config/live_settings.h"
#include "service/config/load_config.h"
#include "service/config/secret.h"
#include "service/config/tls.h"
#include "service/config/watched_files.h"
#include "service/config/yaml_writer.h"
#include "service/grpc_adapter/grpc_server.h"
#include "service/grpc_adapter/make_poller.h"
#include "service/grpc_adapter/server_metrics.h"
#include "service/grpc_adapter/server_tls.h"
#include "service/handler/clock.h"
#include "service/handler/delete_handler.h"
#include "service/handler/live_config.h"
#include "service/handler/random_source.h"
#include "service/observability/access_log.h"
#include "service/observability/audit_log.h"
#include "service/observability/config_metrics.h"
#include "service/observability/credential_metrics.h"
#include "service/observability/event_log.h"
#include "service/observability/grpc_log_capture.h"
#include "service/observability/line_sink.h"
#include "service/observability/log_metrics.h"
#include "service/observability/metrics.h"
#include "service/observability/process_metrics.h"
#include "service/observability/recent_errors.h"
#include "service/options_from_config.h"
#include "service/process/core_dumps.h"
#include "service/process/descriptor_limit.h"
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

reload::CertificateReloader::ApplyFiles MakeCertificateApplier(
    grpc_adapter::ServerTls* server_tls) {
  return [server_tls](const config::TlsFiles& files) {
    std::string key(files.key.RevealForSending());
    server_tls->SetCertificate(files.certificate, key, files.authorities);
    config::WipeString(&key);
  };
}

reload::CertificateReloader::ApplyFiles MakeCertificateApplier(http::ClientTls* upstream_tls) {
  return [upstream_tls](const config::TlsFiles& files) {
    upstream_tls->Set(files.authorities, files.certificate, files.key.RevealForSending());
  };
}

void LogChanges(const handler::LiveConfig& before, const handler::LiveConfig& now,
                const observability::EventLog& events) {
  for (const std::string& name : now.keys->KeysChangedSince(*before.keys)) {
    events.Write(spdlog::level::info, "upstream_key_changed", {{"upstream_key", name}});
  }
  if (now.policy->mode() != before.policy->mode()) {
    LogAuthorizationMode(*now.policy, spdlog::level::warn, events);
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
  const observability::LogMetrics log_metrics(sink.get(), &access_log);
  metrics.AddSource(&log_metrics);
  const grpc_adapter::GrpcHooks hooks = grpc_adapter::CheckGrpcHooks(config.server().grpc_hooks());
  observability::ProcessMetrics process(metrics.registry(), BuildLabels(hooks));
  observability::ConfigMetrics config_metrics(metrics.registry());
  config_metrics.OnLoaded(config::HashConfig(config), /*needs_restart=*/false, system_clock::now());

  std::optional<ratelimit::SharedLimits> shared_limits;
  if (auto options = MakeSharedLimitsOptions(loaded)) {
    shared_limits.emplace(*std::move(options), config.limits().redis().address(), &events,
                          metrics.registry());
  }
  auto limiter = std::make_unique<ratelimit::Limiter>(
      ratelimit::Limiter::Options{.max_keys = config.limits().max_keys(),
                                  .seed = std::random_device()()},
      shared_limits.has_value() ? shared_limits->mailbox() : nullptr);

  CallReporter call_reporter(&metrics, &access_log, audit_log->get());
  const handler::MachineClock clock;
  handler::PseudoRandomSource random(std::random_device{}());
  handler::LiveConfig live_config = MakeLiveConfig(loaded);  // that was last set
  handler::DeleteHandler delete_handler(
      MakeDeleteOptions(loaded), {.clock = &clock, .random = &random, .observer = &call_reporter},
      std::move(limiter), live_config);
  process.SetKeyFileTimes(reload::GetKeyFileTimes(config.upstream(), process.started_at()));

  observability::CredentialMetrics credential_metrics(metrics.registry());
  reload::CertificateReloader certificates(&events, &credential_metrics);
  grpc_adapter::ServerTls server_tls(ToClientCertificateRequest(loaded));
  grpc_adapter::GrpcServerOptions server_options = MakeServerOptions(loaded);
  server_options.hooks = hooks;
  const std::uint64_t descriptors = process::RaiseDescriptorLimit();
  if (descriptors != 0) {
    const std::uint64_t upstream = config.upstream().max_in_flight();
    server_options.max_socket = process::MaxCallerDescriptor(descriptors, upstream);
    if (descriptors < 2 * (upstream + process::kOwnDescriptors)) {
      events.Write(spdlog::level::warn, "descriptor_limit_low",
                   {{"limit", absl::StrCat(descriptors)},
                    {"needed", absl::StrCat(2 * (upstream + process::kOwnDescriptors))}});
    }
  }
  if (const auto paths = config::ToTlsPaths(config.tls()); !paths.certificate.empty()) {
    const absl::Status status =
        certificates.Add("server", paths, MakeCertificateApplier(&server_tls), system_clock::now());
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
    const absl::Status status = certificates.Add(
        "upstream", paths, MakeCertificateApplier(&upstream_tls), system_clock::now());
    if (!status.ok()) return Fail(events, "cannot use TLS to", config.upstream().url(), status);
    http_options.tls = &upstream_tls;
  }

  auto server =
      grpc_adapter::GrpcServer::Listen(std::move(server_options), std::move(http_options),
                                       {.delete_handler = &delete_handler, .metrics = &metrics});
  if (!server.ok()) return Fail(events, "cannot serve gRPC on", config.listen(), server.status());
  grpc_adapter::GrpcServer& grpc_server = **server;
  const grpc_adapter::ServerMetrics server_metrics(&grpc_server);
  metrics.AddSource(&server_metrics);

  std::atomic<bool> draining = false;
  AtomicSharedPtr<std::string> shown_config(loaded.printed_config);
  auto admin = admin::AdminServer::Start(
      loaded.admin_listen.host, loaded.admin_listen.port,
      MakeAdminSources({.shown_config = &shown_config,
                        .server = &grpc_server,
                        .metrics = &metrics,
                        .process = &process,
                        .errors = &errors,
                        .event_logger = event_logger.get(),
                        .events = &events,
                        .draining = &draining,
                        .max_event_loop_lag =
                            To<std::chrono::milliseconds>(config.server().max_event_loop_lag())}));
  if (!admin.ok()) {
    return Fail(events, "cannot serve HTTP on", config.admin_listen(), admin.status());
  }

  if (live_config.policy->mode() != "off") {
    LogAuthorizationMode(*live_config.policy, spdlog::level::info, events);
  }
  grpc_server.Start();
  events.Write(spdlog::level::info, "listening",
               {{"grpc", grpc_server.address()},
                {"admin", (*admin)->address()},
                {"version", config::Version()},
                {"grpc_hooks", hooks.active ? "active" : hooks.inactive_reason}});
  sink->flush();

  // What changes while the gateway runs, part by part.
  reload::Reloader reloader(loaded, reload_config, files, &events, &config_metrics);
  reloader.OnReload([&](const config::LoadedConfig& next) {
    event_logger->set_level(ToSpdlogLevel(next.config.log().level()));
    observability::GrpcLogCapture::SetLevel(event_logger->level());
    const handler::LiveConfig before = std::exchange(live_config, MakeLiveConfig(next));
    grpc_server.SetLiveConfig(live_config);
    LogChanges(before, live_config, events);
    process.SetKeyFileTimes(reload::GetKeyFileTimes(next.config.upstream(), process.started_at()));
    shown_config.Set("# after a reload\n" + config::WriteYaml(next.config, {}));
  });
  // From here on the keys are the ring's alone.
  loaded.api_key = {};
  loaded.keys.clear();
  std::optional<reload::ReloadThread> reload_thread;
  reload_thread.emplace(&reloader, [&](bool reload_requested) {
    (*audit_log)->RunMaintenance(reload_requested);
    reload_requested ? certificates.Reload(system_clock::now())
                     : certificates.CheckForChanges(system_clock::now());
  });

  process::WaitForTerminationSignal();
  reload_thread.reset();
  events.Write(spdlog::level::info, "draining");
  draining = true;
  grpc_server.AnnounceShutdown();
  // Load balancers look away meanwhile. A second signal cuts it short.
  process::WaitForTerminationSignal(To<std::chrono::microseconds>(config.drain().delay()));
  if (!grpc_server.Stop(To<std::chrono::milliseconds>(config.drain().timeout()))) {
    events.Write(spdlog::level::critical, "stop_failed",
                 {{"reason", "the event loop does not respond"}});
    sink->Close();
    std::_Exit(1);  // its threads use what destructors would destroy
  }
  events.Write(spdlog::level::info, "stopped");
  return 0;
}

int Main(int argc, char** argv) {
  process::ForbidCoreDumps();  // before there is a key to be seen
  process::BlockTerminationSignals();
  reload::BlockReloadSignal();
  std::signal(SIGPIPE, SIG_IGN);
  // Debian builds abseil with its deadlock detector on. It costs gRPC 7 % of its instructions.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);

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
  if (std::get<config::LoadedConfig>(loaded).config.core_dumps()) process::AllowCoreDumps();
  curl_global_init(CURL_GLOBAL_DEFAULT);
  const int status = Serve(std::move(std::get<config::LoadedConfig>(loaded)), load, &files);
  curl_global_cleanup();
  return status;
}

}  // namespace
}  // namespace evalrun::service

int main(int argc, char** argv) { return evalrun::service::Main(argc, argv); }
