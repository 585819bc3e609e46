// evalrun-gateway: the wiring, from top to bottom.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <curl/curl.h>
#include <spdlog/logger.h>

#include "service/admin/admin_server.h"
#include "service/admin_sources.h"
#include "service/config/load_config.h"
#include "service/observability/access_log.h"
#include "service/observability/event_log.h"
#include "service/observability/grpc_log_capture.h"
#include "service/observability/metrics.h"
#include "service/observability/process_metrics.h"
#include "service/observability/recent_errors.h"
#include "service/observability/stdout_sink.h"
#include "service/rpc/grpc_server.h"
#include "service/settings.h"
#include "service/termination_signal.h"

namespace evalrun::service {
namespace {

std::shared_ptr<spdlog::logger> MakeLogger(const char* name, spdlog::level::level_enum level,
                                           std::shared_ptr<StdoutSink> sink) {
  auto logger = std::make_shared<spdlog::logger>(name, std::move(sink));
  logger->set_level(level);
  return logger;
}

int Fail(const EventLog& events, std::string_view what, std::string_view address,
         const absl::Status& status) {
  const std::string reason(status.message());
  events.Write(spdlog::level::critical, "start_failed",
               {{"what", what}, {"address", address}, {"reason", reason}});
  std::cerr << "evalrun-gateway: " << what << " " << address << ": " << reason << "\n";
  return 1;
}

int Serve(const config::LoadedConfig& loaded) {
  const auto& config = loaded.config;

  const auto sink = std::make_shared<StdoutSink>(STDOUT_FILENO, config.log().buffer_bytes());
  const auto event_logger = MakeLogger("events", LogLevel(config.log().level()), sink);
  const EventLog events(event_logger);
  const GrpcLogCapture grpc_log(&events);
  GrpcLogCapture::SetLevel(event_logger->level());
  RecentErrors errors;
  AccessLog access_log(MakeLogger("access", spdlog::level::info, sink), LogOptions(loaded),
                       &errors);
  Metrics metrics;
  ProcessMetrics process(metrics.registry(), BuildLabels());

  auto server = GrpcServer::Listen(ServerOptions(loaded), HttpOptions(loaded), CallSettings(loaded),
                                   &metrics, &access_log);
  if (!server.ok()) return Fail(events, "cannot serve gRPC on", config.listen(), server.status());
  GrpcServer& grpc_server = **server;

  std::atomic<bool> draining = false;
  auto admin = AdminServer::Start(loaded.admin_listen.host, loaded.admin_listen.port,
                                  SourcesOf({.loaded = &loaded,
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

  grpc_server.Start();
  events.Write(spdlog::level::info, "listening",
               {{"grpc", grpc_server.address()},
                {"admin", (*admin)->address()},
                {"version", config::Version()}});
  sink->flush();

  WaitForTerminationSignal();
  events.Write(spdlog::level::info, "draining");
  draining = true;
  grpc_server.AnnounceShutdown();
  // Load balancers look away meanwhile. A second signal cuts it short.
  WaitForTerminationSignal(To<std::chrono::microseconds>(config.drain().delay()));
  grpc_server.Stop(To<std::chrono::milliseconds>(config.drain().timeout()));
  events.Write(spdlog::level::info, "stopped");
  return 0;
}

int Main(int argc, char** argv) {
  BlockTerminationSignals();
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
  const int status = Serve(std::get<config::LoadedConfig>(loaded));
  curl_global_cleanup();
  return status;
}

}  // namespace
}  // namespace evalrun::service

int main(int argc, char** argv) { return evalrun::service::Main(argc, argv); }
