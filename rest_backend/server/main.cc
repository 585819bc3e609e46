// SPDX-License-Identifier: Apache-2.0
//
// The main program of evalrun-backend: see README.md.
#include <signal.h>

#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "rest_backend/server/eval_run_routes.h"
#include "rest_backend/server/faults/fault_injector.h"
#include "rest_backend/server/faults/fault_plan.h"
#include "rest_backend/server/faults/fault_routes.h"
#include "rest_backend/server/faults/fault_script.h"
#include "rest_backend/server/faults/restart.h"
#include "rest_backend/server/flags.h"
#include "rest_backend/server/http_server.h"
#include "rest_backend/server/journal_route.h"
#include "rest_backend/server/log.h"
#include "rest_backend/server/quota.h"
#include "rest_backend/server/seed.h"
#include "rest_backend/server/store.h"

namespace evalrun::backend {
namespace {

constexpr std::size_t kAdminConnections = 8;

int PrintError(const std::string& what, const absl::Status& why) {
  std::fprintf(stderr, "evalrun-backend: %s%s\n", what.c_str(), std::string(why.message()).c_str());
  return 2;
}

// The initial plan: that of the process that this one replaces, else that of `--faults`, else an
// empty one.
absl::StatusOr<FaultPlan> InitialPlan(const Flags& flags) {
  if (flags.resume >= 0) return FaultPlan::Resume(ReadStateFile(flags.resume));
  if (flags.faults.empty()) return FaultPlan();
  absl::StatusOr<FaultScript> script = ReadFaultScript(flags.faults);
  if (!script.ok()) return script.status();
  return FaultPlan(*std::move(script));
}

// Starts `server` and stores its actual port in `address`.
absl::Status Listen(HttpServer& server, Address& address) {
  const absl::StatusOr<int> port = server.Start(address.host, address.port);
  if (port.ok()) address.port = *port;
  return port.status();
}

int Main(int argc, const char* const* argv) {
  signal(SIGXFSZ, SIG_IGN);  // a write beyond the limit of a file's size is an error
  const auto parsed = ParseFlags(argc, argv);
  if (const Exit* exit = std::get_if<Exit>(&parsed)) return exit->status;
  Flags flags = std::get<Flags>(parsed);
  absl::StatusOr<FaultPlan> plan = InitialPlan(flags);
  if (!plan.ok()) return PrintError("", plan.status());
  // Blocked before any thread is started, so that all threads inherit the mask and only the waiting
  // thread receives the signals.
  const sigset_t signals = RestartRequest::Signals();
  // Fails only for an unknown first argument.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  absl::StatusOr<Seed> seed = Seed();
  if (!flags.seed.empty()) seed = ReadSeed(flags.seed);
  if (!seed.ok()) return PrintError("", seed.status());
  const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(flags.database);
  if (!store.ok()) return PrintError("database " + flags.database + ": ", store.status());
  if (absl::Status loaded = (*store)->Load(*seed); !loaded.ok()) {
    return PrintError("seed file " + flags.seed + ": ", loaded);
  }

  RestartRequest restart;
  FaultInjector injector(*std::move(plan),
                         [&restart](const std::string& state) { restart.RequestRestart(state); });
  Quota quota;
  HttpServer server({.connections = flags.connections, .limits = {}, .interceptor = &injector});
  AddEvalRunRoutes(server, **store, quota,
                   [&injector](std::string_view uuid) { return injector.IsMissing(uuid); });
  HttpServer admin({.connections = kAdminConnections, .limits = {}});
  AddFaultRoutes(admin, injector);
  AddJournalRoute(admin, **store);
  nlohmann::json addresses;
  if (flags.admin) {
    if (absl::Status status = Listen(admin, *flags.admin); !status.ok())
      return PrintError("", status);
    addresses["admin"] = FormatAddress(*flags.admin);
  }
  if (absl::Status status = Listen(server, flags.listen); !status.ok())
    return PrintError("", status);
  addresses["http"] = FormatAddress(flags.listen);
  Log(LogLevel::kInfo, "listening", addresses);

  const int signal = restart.WaitForSignal(flags);
  Log(LogLevel::kInfo, "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  server.Stop();
  admin.Stop();
  Log(LogLevel::kInfo, "stopped", nlohmann::json::object());
  return 0;
}

}  // namespace
}  // namespace evalrun::backend

int main(int argc, char** argv) { return evalrun::backend::Main(argc, argv); }
