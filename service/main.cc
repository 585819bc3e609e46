// evalrun-gateway: the wiring, from top to bottom.
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <absl/synchronization/mutex.h>
#include <curl/curl.h>
#include <spdlog/logger.h>

#include "service/admin/admin_server.h"
#include "service/config/duration.h"
#include "service/config/load_config.h"
#include "service/observability/access_log.h"
#include "service/observability/event_log.h"
#include "service/observability/metrics.h"
#include "service/observability/stdout_sink.h"
#include "service/rpc/grpc_server.h"

namespace evalrun::service {
namespace {

using config::LoadedConfig;
using config::ToMicroseconds;

template <typename Duration>
Duration To(const google::protobuf::Duration& duration) {
  return std::chrono::duration_cast<Duration>(ToMicroseconds(duration));
}

GrpcServerOptions ServerOptions(const LoadedConfig& loaded) {
  const auto& server = loaded.config.server();
  return {.listen = loaded.config.listen(),
          .max_concurrent_streams = static_cast<int>(server.max_concurrent_streams()),
          .max_message_bytes = static_cast<int>(server.max_message_bytes()),
          .max_metadata_bytes = static_cast<int>(server.max_metadata_bytes())};
}

rest::HttpClientOptions HttpOptions(const LoadedConfig& loaded) {
  const auto& upstream = loaded.config.upstream();
  return {.origin = loaded.upstream.Origin(),
          .headers = {absl::StrCat("User-Agent: evalrun-gateway/", std::string(config::Version())),
                      "Accept: application/json"},
          .proxy = upstream.proxy(),
          .connect_timeout = To<std::chrono::milliseconds>(upstream.connect_timeout()),
          .max_idle_connections = upstream.max_idle_connections(),
          .idle_connection_age = To<std::chrono::seconds>(upstream.idle_connection_age()),
          .connection_lifetime = To<std::chrono::seconds>(upstream.connection_lifetime()),
          .dns_cache_time = To<std::chrono::seconds>(upstream.dns_cache_time()),
          .max_response_bytes = upstream.max_response_bytes()};
}

DeleteSettings CallSettings(const LoadedConfig& loaded) {
  const auto& config = loaded.config;
  return {
      .base_path = loaded.upstream.base_path,
      .api_key = std::string(loaded.api_key.RevealForSending()),
      .id_format = config.ids().opaque() ? rest::IdFormat::kOpaque : rest::IdFormat::kUuid,
      .retry = {.max_attempts = static_cast<int>(config.retry().max_attempts()),
                .retry_500 = config.retry().retry_500(),
                .retry_conflict = config.retry().retry_conflict(),
                .initial_backoff = To<std::chrono::milliseconds>(config.retry().initial_backoff()),
                .max_backoff = To<std::chrono::milliseconds>(config.retry().max_backoff())},
      .upstream_timeout = ToMicroseconds(config.upstream().timeout()),
      .deadline_margin = ToMicroseconds(config.deadline().margin()),
      .default_timeout = ToMicroseconds(config.deadline().default_timeout()),
      .forward_request_id = config.forward().request_id(),
      .forward_traceparent = config.forward().traceparent(),
      .forward_tracestate = config.forward().tracestate(),
      .access_log = config.log().access_log(),
  };
}

spdlog::level::level_enum LogLevel(config::v1::Log::Level level) {
  switch (level) {
    case config::v1::Log::LEVEL_DEBUG:
      return spdlog::level::debug;
    case config::v1::Log::LEVEL_WARN:
      return spdlog::level::warn;
    case config::v1::Log::LEVEL_ERROR:
      return spdlog::level::err;
    default:
      return spdlog::level::info;
  }
}

std::shared_ptr<spdlog::logger> MakeLogger(const char* name, spdlog::level::level_enum level,
                                           std::shared_ptr<StdoutSink> sink) {
  auto logger = std::make_shared<spdlog::logger>(name, std::move(sink));
  logger->set_level(level);
  return logger;
}

// The signals that end the process are taken by WaitForSignal(), in the main thread only.
sigset_t TerminationSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

void WaitForSignal() {
  const sigset_t signals = TerminationSignals();
  int signal = 0;
  sigwait(&signals, &signal);
}

// A second signal cuts the wait short.
void WaitForSignal(std::chrono::microseconds at_most) {
  const sigset_t signals = TerminationSignals();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at_most);
  const timespec timeout{.tv_sec = seconds.count(),
                         .tv_nsec = std::chrono::nanoseconds(at_most - seconds).count()};
  sigtimedwait(&signals, nullptr, &timeout);
}

// gRPC logs by itself, in a form of its own, to standard error. While this lives, it logs as we do.
class GrpcLogCapture {
 public:
  explicit GrpcLogCapture(const EventLog* events) {
    events_ = events;
    gpr_set_log_function([](gpr_log_func_args* args) {
      const auto level = args->severity == GPR_LOG_SEVERITY_ERROR  ? spdlog::level::err
                         : args->severity == GPR_LOG_SEVERITY_INFO ? spdlog::level::info
                                                                   : spdlog::level::debug;
      events_->Write(level, "grpc_library", {{"message", args->message}});
    });
  }
  ~GrpcLogCapture() { gpr_set_log_function(nullptr); }
  GrpcLogCapture(const GrpcLogCapture&) = delete;
  GrpcLogCapture& operator=(const GrpcLogCapture&) = delete;

 private:
  static inline const EventLog* events_ = nullptr;  // gRPC hands its function no context
};

int Fail(const EventLog& events, std::string_view what, std::string_view address,
         const absl::Status& status) {
  const std::string reason(status.message());
  events.Write(spdlog::level::critical, "start_failed",
               {{"what", what}, {"address", address}, {"reason", reason}});
  std::cerr << "evalrun-gateway: " << what << " " << address << ": " << reason << "\n";
  return 1;
}

int Serve(const LoadedConfig& loaded) {
  const auto& config = loaded.config;

  const auto sink = std::make_shared<StdoutSink>(STDOUT_FILENO);
  const EventLog events(MakeLogger("events", LogLevel(config.log().level()), sink));
  const GrpcLogCapture grpc_log(&events);
  AccessLog access_log(MakeLogger("access", spdlog::level::info, sink));
  Metrics metrics;

  auto server = GrpcServer::Listen(ServerOptions(loaded), HttpOptions(loaded), CallSettings(loaded),
                                   &metrics, &access_log);
  if (!server.ok()) return Fail(events, "cannot serve gRPC on", config.listen(), server.status());
  GrpcServer& grpc_server = **server;

  std::atomic<bool> draining = false;
  auto admin = AdminServer::Start(
      loaded.admin_listen.host, loaded.admin_listen.port,
      {.metrics =
           [&] {
             SampledFigures figures = grpc_server.Sample();
             figures.log_lines_dropped = sink->dropped_lines();
             return metrics.Expose(figures);
           },
       .not_ready_because =
           [&] { return draining ? std::string("shutting down") : std::string(); }});
  if (!admin.ok()) {
    return Fail(events, "cannot serve HTTP on", config.admin_listen(), admin.status());
  }

  grpc_server.Start();
  events.Write(spdlog::level::info, "listening",
               {{"grpc", grpc_server.address()},
                {"admin", (*admin)->address()},
                {"version", config::Version()}});
  sink->flush();

  WaitForSignal();
  events.Write(spdlog::level::info, "draining");
  draining = true;
  grpc_server.AnnounceShutdown();
  WaitForSignal(ToMicroseconds(config.drain().delay()));
  grpc_server.Stop(To<std::chrono::milliseconds>(config.drain().timeout()));
  events.Write(spdlog::level::info, "stopped");
  return 0;
}

int Main(int argc, char** argv) {
  // Before there is any other thread: they inherit it.
  const sigset_t signals = TerminationSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // Debian builds abseil with its deadlock detector on. It costs gRPC 7 % of its instructions.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);

  config::LoadResult loaded = config::LoadConfig(argc, argv, config::ProcessEnvironment(environ));
  if (const auto* done = std::get_if<config::Done>(&loaded)) {
    std::cout << done->out << std::flush;
    std::cerr << done->err;
    return done->exit_code;
  }
  curl_global_init(CURL_GLOBAL_DEFAULT);
  const int status = Serve(std::get<LoadedConfig>(loaded));
  curl_global_cleanup();
  return status;
}

}  // namespace
}  // namespace evalrun::service

int main(int argc, char** argv) { return evalrun::service::Main(argc, argv); }
