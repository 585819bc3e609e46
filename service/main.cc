// SPDX-License-Identifier: Apache-2.0
//
// evalrun-gateway: what the process needs before it has a configuration; then gateway.h.
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string_view>
#include <utility>
#include <variant>

#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>
#include <curl/curl.h>

#include "service/config/environment.h"
#include "service/config/load_config.h"
#include "service/config/watched_files.h"
#include "service/gateway.h"
#include "service/process/core_dumps.h"
#include "service/process/standard_descriptors.h"
#include "service/process/termination_signal.h"
#include "service/reload/reload_thread.h"

namespace evalrun::service {
namespace {

// Before there is a log.
int FailEarly(std::string_view what, std::string_view reason) {
  std::cerr << "evalrun-gateway: " << what << ": " << reason << "\n";
  return 1;
}

int Main(int argc, char** argv) {
  // Before anything is opened.
  if (const absl::Status status =
          process::OpenStandardDescriptors(process::ClosedDescriptorUse::kDiscard);
      !status.ok()) {
    return FailEarly("cannot open standard descriptors", status.ToString());
  }
  // Before there is a key in memory.
  if (const absl::Status status = process::ForbidCoreDumps(); !status.ok()) {
    return FailEarly("cannot forbid core dumps", status.ToString());
  }
  process::BlockTerminationSignals();
  reload::BlockReloadSignal();
  // A write to a closed connection, and one beyond the limit of a file's size, is an error of the
  // write. These fail only for a signal that does not exist.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  // Debian builds abseil with its deadlock detector on. It costs gRPC 7 % of its instructions.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);

  config::WatchedFiles files;
  const reload::Reloader::Loaders load{
      .config =
          [&] {
            return config::LoadConfig(argc, argv, config::ProcessEnvironment(environ),
                                      files.MakeReader());
          },
      .keys =
          [&](const config::v1::GatewayConfig& loaded) {
            return config::LoadKeys(loaded, config::ProcessEnvironment(environ),
                                    files.MakeReader());
          }};
  config::LoadResult loaded = [&load] {
    const process::TerminationSignalThread exit_at_once(&process::ExitAtOnce);
    return load.config();
  }();
  if (const auto* early_exit = std::get_if<config::EarlyExit>(&loaded)) {
    std::cout << early_exit->out << std::flush;
    std::cerr << early_exit->err;
    return early_exit->exit_code;
  }
  if (std::get<config::LoadedConfig>(loaded).config.core_dumps()) {
    if (const absl::Status status = process::AllowCoreDumps(); !status.ok()) {
      return FailEarly("cannot allow core dumps", status.ToString());
    }
  }
  if (const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK) {
    return FailEarly("cannot use libcurl", curl_easy_strerror(code));
  }
  const int status = Gateway(std::move(std::get<config::LoadedConfig>(loaded)), load, &files).Run();
  curl_global_cleanup();
  return status;
}

}  // namespace
}  // namespace evalrun::service

int main(int argc, char** argv) { return evalrun::service::Main(argc, argv); }
