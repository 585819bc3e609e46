// SPDX-License-Identifier: Apache-2.0

#include "service/gateway.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <random>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "rest_backend/http/tls_material.h"
#include "service/admin_sources.h"
#include "service/authz/policy.h"
#include "service/config/contradictions.h"
#include "service/config/live_settings.h"
#include "service/config/read_file.h"
#include "service/config/text.h"
#include "service/config/tls.h"
#include "service/options_from_config.h"
#include "service/process/descriptor_limit.h"
#include "service/process/termination_signal.h"
#include "service/reload/key_file_times.h"
#include "service/tracing/instance_id.h"

namespace evalrun::service {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

// How long the end of a shutdown may be delayed by a file that does not respond.
constexpr milliseconds kReloadStopTimeout{2000};

std::shared_ptr<spdlog::logger> MakeLogger(const char* name, spdlog::level::level_enum level,
                                           std::shared_ptr<observability::LineSink> sink) {
  auto logger = std::make_shared<spdlog::logger>(name, std::move(sink));
  logger->set_level(level);
  // By default a line that cannot be buffered for lack of memory is reported on standard error.
  logger->set_error_handler([](const std::string& /*error*/) {});
  return logger;
}

// Without a policy every caller may delete everything, so the mode is worth a line.
void LogAuthorizationMode(const authz::AccessPolicy& policy, spdlog::level::level_enum level,
                          const observability::EventLog& events) {
  events.Write(level, "authorization", {{"mode", policy.mode()}});
}

// Ids of traces are unique among all gateways: 32 bits would repeat.
std::uint64_t MakeSeed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

void LogContradictions(const config::v1::GatewayConfig& config,
                       const observability::EventLog& events) {
  for (const std::string& contradiction : config::FindContradictions(config)) {
    events.Write(spdlog::level::warn, "config_contradiction", {{"reason", contradiction}});
  }
}

void LogProtectedRuns(const handler::LiveConfig& now, const observability::EventLog& events) {
  events.Write(spdlog::level::info, "protected_runs_loaded",
               {{"runs", absl::StrCat(now.protected_runs->size())}});
}

void LogChanges(const handler::LiveConfig& before, const handler::LiveConfig& now,
                const observability::EventLog& events) {
  for (const std::string& name : now.keys->KeysChangedSince(*before.keys)) {
    events.Write(spdlog::level::info, "upstream_key_changed", {{"upstream_key", name}});
  }
  if (now.policy->mode() != before.policy->mode()) {
    LogAuthorizationMode(*now.policy, spdlog::level::warn, events);
  }
  if (now.protected_runs != before.protected_runs) LogProtectedRuns(now, events);
  if (now.deletions_enabled != before.deletions_enabled) {
    events.Write(spdlog::level::warn,
                 now.deletions_enabled ? "deletions_resumed" : "deletions_stopped");
  }
}

}  // namespace

Gateway::Gateway(config::LoadedConfig loaded, reload::Reloader::Loaders load,
                 config::WatchedFiles* files)
    : loaded_(std::move(loaded)),
      config_(loaded_.config),
      load_(std::move(load)),
      files_(*files),
      sink_(std::make_shared<observability::LineSink>(STDOUT_FILENO, config_.log().buffer_bytes())),
      event_logger_(MakeLogger("events", ToSpdlogLevel(config_.log().level()), sink_)),
      events_(event_logger_),
      access_log_(MakeLogger("access", spdlog::level::info, sink_), MakeAccessLogOptions(loaded_),
                  &errors_),
      log_metrics_(sink_.get(), &access_log_),
      hooks_(grpc_adapter::CheckGrpcHooks(config_.server().grpc_hooks())),
      process_metrics_(metrics_.registry(), BuildLabels(hooks_)),
      config_metrics_(metrics_.registry()),
      credential_metrics_(metrics_.registry()),
      library_log_(&events_, metrics_.registry()),
      random_(std::random_device{}()),
      trace_random_(MakeSeed()),
      live_config_(MakeLiveConfig(loaded_)),
      certificates_(&events_, &credential_metrics_),
      protected_runs_(config_.ids().opaque(), &events_, &config_metrics_),
      server_tls_(ToClientCertificateRequest(loaded_)),
      server_options_(MakeServerOptions(loaded_)),
      http_options_(MakeHttpOptions(loaded_)),
      replicas_(config_.limits().replicas()),
      shown_config_(loaded_.printed_config) {
  observability::LibraryLog::SetLevel(event_logger_->level());
  metrics_.AddSource(&log_metrics_);
  metrics_.AddSource(&top_callers_);
  config_metrics_.OnLoaded(config::HashConfig(config_), /*needs_restart=*/false,
                           system_clock::now());
}

Gateway::~Gateway() = default;

int Gateway::Run() {
  {
    const process::TerminationSignalThread exit_at_once(&process::ExitAtOnce);
    if (!OpenAuditLog() || !LoadProtectedRuns() || !ShareLimits() || !StartTracing()) return 1;
    MakeHandler();
    if (!LoadServerCertificate() || !LoadUpstreamCertificate()) return 1;
    if (!StartGrpcServer() || !StartAdminServer()) return 1;
  }
  LogStart();
  StartReloading();
  WaitForTerminationSignal(steady_clock::time_point::max());
  Drain();
  return 0;
}

bool Gateway::WaitForTerminationSignal(steady_clock::time_point deadline) {
  for (;;) {
    const auto left = std::min(next_sample_, deadline) - steady_clock::now();
    const auto at_most = std::chrono::ceil<std::chrono::microseconds>(left);
    if (process::WaitForTerminationSignal(std::max(at_most, std::chrono::microseconds(0)))) {
      return true;
    }
    const auto now = steady_clock::now();
    if (now >= next_sample_) {
      history_.Add(metrics_.Totals(), server_->calls_in_flight(), now);
      next_sample_ = now + observability::CallHistory::kInterval;
    }
    if (now >= deadline) return false;
  }
}

bool Gateway::Fail(std::string_view what, std::string_view address,
                   const absl::Status& status) const {
  const std::string reason(status.message());
  events_.Write(spdlog::level::critical, "start_failed",
                {{"what", what}, {"address", address}, {"reason", reason}});
  // In one piece: in a journal both streams are one.
  std::cerr << config::Concat("evalrun-gateway: ", what, " ", address, ": ", reason, "\n");
  return false;
}

bool Gateway::OpenAuditLog() {
  auto audit_log = observability::AuditLog::Open(MakeAuditOptions(config_), sink_,
                                                 metrics_.registry(), &events_);
  if (!audit_log.ok()) return Fail("cannot audit to", config_.audit().to(), audit_log.status());
  audit_log_ = *std::move(audit_log);
  return true;
}

bool Gateway::LoadProtectedRuns() {
  const std::string& path = config_.protected_runs_file();
  const absl::Status status = protected_runs_.Start(path, system_clock::now());
  if (!status.ok()) return Fail("cannot load protected runs from", path, status);
  live_config_.protected_runs = protected_runs_.current();
  return true;
}

bool Gateway::ShareLimits() {
  auto options = MakeSharedLimitsOptions(loaded_);
  if (!options.has_value()) return true;
  const auto& redis = config_.limits().redis();
  if (redis.tls()) {
    const auto apply = [this](const http::TlsMaterial& material) {
      return redis_tls_.Set(material);
    };
    const absl::Status status =
        certificates_.Add("redis", config::ToTlsPaths(redis), apply, system_clock::now());
    if (!status.ok()) return Fail("cannot use TLS to", redis.address(), status);
    options->tls = &redis_tls_;
  }
  shared_limits_.emplace(*std::move(options), redis.address(), &events_, metrics_.registry());
  return true;
}

bool Gateway::StartTracing() {
  if (!loaded_.traces_url.empty()) {
    if (const std::string& file = config_.tracing().ca_file(); !file.empty()) {
      if (const auto read = config::ReadFile(file, config::kMaxConfigFileBytes); !read.ok()) {
        return Fail("cannot export traces to", loaded_.traces_url, read.status());
      }
    }
    tracing_.emplace(MakeTracerOptions(loaded_), MakeOtlpHttpOptions(loaded_),
                     MakeSpanExporterOptions(config_, tracing::MakeInstanceId(&trace_random_)),
                     &trace_random_, &events_);
  }
  trace_metrics_.emplace(tracing_.has_value() ? &tracing_->exporter() : nullptr);
  metrics_.AddSource(&*trace_metrics_);
  return true;
}

void Gateway::MakeHandler() {
  auto limiter = std::make_unique<ratelimit::Limiter>(
      ratelimit::Limiter::Options{.max_keys = config_.limits().max_keys(),
                                  .seed = std::random_device()()},
      shared_limits_.has_value() ? shared_limits_->mailbox() : nullptr);
  call_reporter_.emplace(&metrics_, &top_callers_, &slowest_calls_, &events_, &access_log_,
                         audit_log_.get());
  if (config_.audit().on_failure() == config::v1::Audit::ON_FAILURE_REFUSE) {
    intent_writer_.emplace(audit_log_.get());
  }
  delete_handler_ = std::make_unique<handler::DeleteHandler>(
      MakeDeleteOptions(loaded_),
      handler::DeleteHandler::Environment{
          .clock = &clock_,
          .random = &random_,
          .observer = &*call_reporter_,
          .intents = intent_writer_.has_value() ? &*intent_writer_ : nullptr,
          .tracer = tracing_.has_value() ? tracing_->tracer() : nullptr},
      std::move(limiter), live_config_);
  process_metrics_.SetKeyFileTimes(
      reload::GetKeyFileTimes(config_.upstream(), process_metrics_.started_at()));
  // From here on the key ring has the only copies.
  loaded_.api_key = {};
  loaded_.keys.clear();
}

bool Gateway::LoadServerCertificate() {
  const auto paths = config::ToTlsPaths(config_.tls());
  if (!paths.certificate.empty()) {
    const auto apply = [this](const http::TlsMaterial& material) {
      server_tls_.Set(material);
      return absl::OkStatus();
    };
    const absl::Status status = certificates_.Add("server", paths, apply, system_clock::now());
    if (!status.ok()) return Fail("cannot use TLS on", config_.listen(), status);
    server_options_.credentials = server_tls_.Credentials();
  } else if (config_.server().insecure()) {
    events_.Write(spdlog::level::warn, "insecure",
                  {{"what", "calls are served without TLS"}, {"address", config_.listen()}});
  }
  return true;
}

bool Gateway::LoadUpstreamCertificate() {
  const auto paths = config::ToTlsPaths(config_.upstream());
  if (paths.certificate.empty() && paths.authorities.empty()) return true;
  const auto apply = [this](const http::TlsMaterial& material) {
    return upstream_tls_.Set(material);
  };
  const absl::Status status = certificates_.Add("upstream", paths, apply, system_clock::now());
  if (!status.ok()) return Fail("cannot use TLS to", config_.upstream().url(), status);
  http_options_.tls = &upstream_tls_;
  return true;
}

void Gateway::ShareDescriptors(grpc_adapter::GrpcServerOptions* options) const {
  const std::uint64_t limit = process::RaiseDescriptorLimit();
  if (limit == 0) return;
  const std::uint64_t in_flight = config_.upstream().max_in_flight();
  const bool is_limited = in_flight != 0;
  options->max_socket = process::MaxCallerDescriptor(limit, is_limited ? in_flight : limit);
  const std::uint64_t connections =
      is_limited ? in_flight : config_.upstream().max_idle_connections();
  const std::uint64_t needed = 2 * (connections + process::kOwnDescriptors);
  if (limit >= needed) return;
  events_.Write(spdlog::level::warn, "descriptor_limit_low",
                {{"limit", absl::StrCat(limit)}, {"needed", absl::StrCat(needed)}});
}

bool Gateway::StartGrpcServer() {
  server_options_.hooks = hooks_;
  http_options_.on_lookup = [this](const std::string& name, const dns::Resolution& resolution) {
    call_reporter_->OnLookup(name, resolution.error, resolution.addresses.size());
  };
  ShareDescriptors(&server_options_);
  auto server = grpc_adapter::GrpcServer::Listen(
      server_options_, http_options_,
      {.delete_handler = delete_handler_.get(), .metrics = &metrics_, .events = &events_});
  if (!server.ok()) return Fail("cannot serve gRPC on", config_.listen(), server.status());
  server_ = *std::move(server);
  if (intent_writer_.has_value()) {
    intent_writer_->Connect(
        [server = server_.get()](std::function<void()> task) { server->Post(std::move(task)); });
  }
  library_log_.SetFindHandshakePeer([server = server_.get()](auto found) {
    server->FindHandshakePeer([found = std::move(found)](const net::PeerName* peer) {
      found(peer == nullptr
                ? observability::LibraryLog::Peer{}
                : observability::LibraryLog::Peer{.address = peer->uri, .host = peer->host});
    });
  });
  server_metrics_.emplace(server_.get());
  metrics_.AddSource(&*server_metrics_);
  return true;
}

bool Gateway::StartAdminServer() {
  auto admin = admin::AdminServer::Start(
      loaded_.admin_listen.host, loaded_.admin_listen.port,
      MakeAdminSources(
          {.shown_config = &shown_config_,
           .upstream = loaded_.upstream.Origin(),
           .replicas = &replicas_,
           .server = server_.get(),
           .metrics = &metrics_,
           .process = &process_metrics_,
           .errors = &errors_,
           .top_callers = &top_callers_,
           .slowest_calls = &slowest_calls_,
           .history = &history_,
           .event_logger = event_logger_.get(),
           .events = &events_,
           .draining = &draining_,
           .max_event_loop_lag = To<milliseconds>(config_.server().max_event_loop_lag())}));
  if (!admin.ok()) return Fail("cannot serve HTTP on", config_.admin_listen(), admin.status());
  admin_ = *std::move(admin);
  return true;
}

void Gateway::LogStart() const {
  if (live_config_.policy->mode() != "off") {
    LogAuthorizationMode(*live_config_.policy, spdlog::level::info, events_);
  }
  if (!live_config_.deletions_enabled) events_.Write(spdlog::level::warn, "deletions_stopped");
  if (live_config_.protected_runs != nullptr) LogProtectedRuns(live_config_, events_);
  LogContradictions(config_, events_);
  server_->Start();
  events_.Write(spdlog::level::info, "listening",
                {{"grpc", server_->address()},
                 {"admin", admin_->address()},
                 {"version", config::Version()},
                 {"grpc_hooks", hooks_.active ? "active" : hooks_.inactive_reason}});
  sink_->flush();
}

void Gateway::StartReloading() {
  reloader_.emplace(loaded_, load_, &files_, &events_, &config_metrics_);
  reloader_->OnReload([this](const config::LoadedConfig& next) { ApplyReloaded(next); });
  protected_runs_.OnReload([this](const auto& /*list*/) { ApplyProtectedRuns(); });
  audit_log_->StartMaintenance();
  using Task = reload::ReloadThread::Task;
  reload_thread_.emplace(
      &events_,
      std::vector<Task>{[this](bool reload_requested) {
                          if (reload_requested) audit_log_->RequestReopen();
                          audit_log_->ReportDroppedLines();
                        },
                        [this](bool reload_requested) {
                          reload_requested ? certificates_.Reload(system_clock::now())
                                           : certificates_.CheckForChanges(system_clock::now());
                        },
                        [this](bool reload_requested) {
                          reload_requested ? reloader_->Reload(system_clock::now())
                                           : reloader_->CheckForChanges(system_clock::now());
                        },
                        [this](bool reload_requested) {
                          reload_requested ? protected_runs_.Reload(system_clock::now())
                                           : protected_runs_.CheckForChanges(system_clock::now());
                        }});
}

// On the reload thread.
void Gateway::ApplyReloaded(const config::LoadedConfig& next) {
  event_logger_->set_level(ToSpdlogLevel(next.config.log().level()));
  observability::LibraryLog::SetLevel(event_logger_->level());
  protected_runs_.SetPath(next.config.protected_runs_file(), system_clock::now());
  const handler::LiveConfig before = std::exchange(live_config_, MakeLiveConfig(next));
  live_config_.protected_runs = protected_runs_.current();
  // Not before it is in force: operators rely on the events, to revoke a key for example.
  server_->SetLiveConfig(live_config_,
                         [this, before, now = live_config_] { LogChanges(before, now, events_); });
  LogContradictions(next.config, events_);
  process_metrics_.SetKeyFileTimes(
      reload::GetKeyFileTimes(next.config.upstream(), process_metrics_.started_at()));
  replicas_ = next.config.limits().replicas();
  shown_config_.Set(config::PrintReloaded(next));
}

// On the reload thread.
void Gateway::ApplyProtectedRuns() {
  live_config_.protected_runs = protected_runs_.current();
  server_->SetLiveConfig(live_config_,
                         [this, now = live_config_] { LogProtectedRuns(now, events_); });
}

void Gateway::Drain() {
  events_.Write(spdlog::level::info, "draining");
  draining_ = true;
  server_->AnnounceShutdown();
  // Load balancers take this replica out meanwhile. A second signal ends the delay, and one during
  // the timeout ends the calls that are left.
  WaitForTerminationSignal(steady_clock::now() +
                           To<std::chrono::microseconds>(config_.drain().delay()));
  const bool stopped = [this] {
    const process::TerminationSignalThread end_calls(
        [this](int /*signal*/) { server_->EndCalls(); });
    return server_->Stop(To<milliseconds>(config_.drain().timeout()));
  }();
  // Until here the emergency stop, protected runs and keys were in force for the last calls.
  const bool reload_ended = reload_thread_->Stop(kReloadStopTimeout);
  if (!reload_ended) {
    events_.Write(spdlog::level::err, "reload_stuck", {{"reason", "a file does not respond"}});
  }
  if (!stopped) {
    events_.Write(spdlog::level::critical, "stop_failed",
                  {{"reason", "the event loop does not respond"}});
    static_cast<void>(audit_log_->Close());
    static_cast<void>(sink_->Close());
    std::_Exit(1);  // the loop's thread uses what destructors would destroy
  }
  const bool is_audit_written = audit_log_->Close();
  if (reload_ended) audit_log_->ReportDroppedLines();
  if (!is_audit_written) {
    events_.Write(spdlog::level::err, "audit_stuck",
                  {{"reason", "the audit file does not respond"}});
  }
  const bool is_tracing_ended = !tracing_.has_value() || tracing_->Close();
  const bool are_leases_ended = !shared_limits_.has_value() || shared_limits_->Close();
  events_.Write(spdlog::level::info, "stopped");
  const bool is_log_written = sink_->Close();
  // A thread that does not end uses what destructors would destroy.
  if (!reload_ended || !is_audit_written || !is_tracing_ended || !are_leases_ended ||
      !is_log_written) {
    std::_Exit(0);
  }
}

}  // namespace evalrun::service
