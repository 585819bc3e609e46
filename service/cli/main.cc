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
#include "service/cli/standard_output.h"
#include "service/cli/text.h"
#include "service/cli/write_all.h"
#include "service/process/standard_descriptors.h"

namespace {

using evalrun::cli::WriteAll;

// Errors are ignored: there is nowhere to report that standard error cannot be written.
void WriteStderr(const std::string& text) { static_cast<void>(WriteAll(STDERR_FILENO, text)); }

// Prints to standard output. Returns `exit_status`, or that of a failed write. If the reader has
// gone, it has read what it wanted.
int Print(const std::string& text, int exit_status) {
  evalrun::cli::StandardOutput output;
  if (output.Write(text) || output.reader_has_gone()) return exit_status;
  WriteStderr(fmt::format("evalrunctl: {}.\n", output.Error()));
  return evalrun::cli::kExitFailure;
}

int Run(const evalrun::cli::PrintAndExit& command) {
  WriteStderr(command.err);
  return Print(command.out, command.exit_status);
}

int Run(const evalrun::cli::DeleteCommand& command) { return evalrun::cli::RunDelete(command); }

int Run(const evalrun::cli::HealthCommand& command) {
  const auto channel = evalrun::cli::OpenChannel(command.connection);
  if (!channel.ok()) {
    const std::string why = evalrun::cli::Printable(std::string(channel.status().message()));
    WriteStderr(fmt::format("evalrunctl: {}.\n", why));
    return evalrun::cli::kExitUsage;
  }
  const auto report = evalrun::cli::CallHealth(*channel, command.connection);
  const std::string text = evalrun::cli::Printable(report.explanation) + ".\n";
  if (report.serving) return Print(text, evalrun::cli::kExitOk);
  WriteStderr(text);
  return evalrun::cli::kExitFailure;
}

int Run(const evalrun::cli::VersionCommand& /*command*/) {
  return Print(fmt::format("evalrunctl {} (gRPC {})\n", EVALRUN_VERSION, grpc::Version()),
               evalrun::cli::kExitOk);
}

}  // namespace

int main(int argc, char** argv) {
  // An error would be one of every other open(), too.
  static_cast<void>(
      evalrun::process::OpenStandardDescriptors(evalrun::process::ClosedDescriptorUse::kFail));
  // evalrunctl reports gRPC's errors itself, such as a failed connection.
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread is running yet.
  setenv("GRPC_VERBOSITY", "NONE", /*replace=*/0);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): SIG_IGN is defined like this.
  signal(SIGPIPE, SIG_IGN);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): a write beyond the limit of a file's size is an
  // error.
  signal(SIGXFSZ, SIG_IGN);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread is running yet.
  const char* const server = std::getenv(evalrun::cli::kServerVariable);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return std::visit([](const auto& command) { return Run(command); },
                    evalrun::cli::ParseCommandLine(arguments, server == nullptr ? "" : server));
}
