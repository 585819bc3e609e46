// SPDX-License-Identifier: Apache-2.0
//
// The main program of evalrunctl, which deletes eval runs through the gateway from a command line.

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include "service/cli/command_line.h"
#include "service/cli/delete_command.h"
#include "service/cli/gateway_call.h"
#include "service/cli/text.h"
#include "service/cli/write_all.h"

namespace {

using evalrun::cli::WriteAll;

// Errors are ignored: if the reader is gone, the text is not needed.
void Print(int fd, const std::string& text) { static_cast<void>(WriteAll(fd, text)); }

int Run(const evalrun::cli::PrintAndExit& command) {
  Print(STDOUT_FILENO, command.out);
  Print(STDERR_FILENO, command.err);
  return command.exit_status;
}

int Run(const evalrun::cli::DeleteCommand& command) { return evalrun::cli::RunDelete(command); }

int Run(const evalrun::cli::HealthCommand& command) {
  const auto channel = evalrun::cli::OpenChannel(command.connection);
  if (!channel.ok()) {
    const std::string why = evalrun::cli::Printable(std::string(channel.status().message()));
    Print(STDERR_FILENO, fmt::format("evalrunctl: {}.\n", why));
    return evalrun::cli::kExitUsage;
  }
  const auto report = evalrun::cli::CallHealth(*channel, command.connection);
  Print(report.serving ? STDOUT_FILENO : STDERR_FILENO,
        evalrun::cli::Printable(report.explanation) + ".\n");
  return report.serving ? evalrun::cli::kExitOk : evalrun::cli::kExitFailure;
}

int Run(const evalrun::cli::VersionCommand& /*command*/) {
  Print(STDOUT_FILENO, fmt::format("evalrunctl {} (gRPC {})\n", EVALRUN_VERSION, grpc::Version()));
  return evalrun::cli::kExitOk;
}

}  // namespace

int main(int argc, char** argv) {
  // evalrunctl reports gRPC's errors itself, such as a failed connection.
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread is running yet.
  setenv("GRPC_VERBOSITY", "NONE", /*replace=*/0);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): SIG_IGN is defined like this.
  signal(SIGPIPE, SIG_IGN);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): a write beyond the limit of a file's size is an
  // error.
  signal(SIGXFSZ, SIG_IGN);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return std::visit([](const auto& command) { return Run(command); },
                    evalrun::cli::ParseCommandLine(arguments));
}
