// evalrun-backend: see README.md.
#include <signal.h>

#include <cstdio>
#include <memory>
#include <string>
#include <variant>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "rest_backend/server/eval_run_routes.h"
#include "rest_backend/server/flags.h"
#include "rest_backend/server/http_server.h"
#include "rest_backend/server/log.h"
#include "rest_backend/server/quota.h"
#include "rest_backend/server/seed.h"
#include "rest_backend/server/store.h"

namespace evalrun::backend {
namespace {

int Refuse(const std::string& what, const absl::Status& why) {
  std::fprintf(stderr, "evalrun-backend: %s%s\n", what.c_str(), std::string(why.message()).c_str());
  return 2;
}

// Blocked before any thread begins, so that every thread leaves them to AwaitStopSignal.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int Main(int argc, const char* const* argv) {
  const auto parsed = ParseFlags(argc, argv);
  if (const Exit* exit = std::get_if<Exit>(&parsed)) return exit->status;
  const Flags& flags = std::get<Flags>(parsed);
  const sigset_t stop_signals = BlockStopSignals();

  absl::StatusOr<Seed> seed = Seed();
  if (!flags.seed.empty()) seed = ReadSeed(flags.seed);
  if (!seed.ok()) return Refuse("", seed.status());
  const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(flags.database);
  if (!store.ok()) return Refuse("database " + flags.database + ": ", store.status());
  if (absl::Status loaded = (*store)->Load(*seed); !loaded.ok()) {
    return Refuse("seed file " + flags.seed + ": ", loaded);
  }

  Quota quota;
  HttpServer server({.connections = flags.connections, .limits = {}});
  AddEvalRunRoutes(server, **store, quota);
  const absl::StatusOr<std::string> address = server.Start(flags.host, flags.port);
  if (!address.ok()) return Refuse("", address.status());
  Log(LogLevel::kInfo, "listening", {{"http", *address}});

  int signal = 0;
  sigwait(&stop_signals, &signal);
  Log(LogLevel::kInfo, "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  server.Stop();
  Log(LogLevel::kInfo, "stopped", nlohmann::json::object());
  return 0;
}

}  // namespace
}  // namespace evalrun::backend

int main(int argc, char** argv) { return evalrun::backend::Main(argc, argv); }
