// evalrunctl: deletes eval runs through the gateway, from a command line.

#include <cstdlib>
#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "service/cli/command_line.h"
#include "service/cli/gateway_call.h"
#include "service/cli/render.h"

namespace {

using evalrun::cli::kExitGone;
using evalrun::cli::kExitNotGone;

int Run(const evalrun::cli::PrintAndExit& command) {
  std::cout << command.out;
  std::cerr << command.err;
  return command.exit_status;
}

int Run(const evalrun::cli::DeleteCommand& command) {
  const auto channel = evalrun::cli::OpenChannel(command.connection);
  const auto report = evalrun::cli::CallDelete(channel, command.connection, command.request);
  if (command.json) {
    std::cout << evalrun::cli::RenderJson(report) << '\n';
  } else {
    (report.gone() ? std::cout : std::cerr) << evalrun::cli::RenderText(report);
  }
  return report.gone() ? kExitGone : kExitNotGone;
}

int Run(const evalrun::cli::HealthCommand& command) {
  const auto channel = evalrun::cli::OpenChannel(command.connection);
  const auto report = evalrun::cli::CallHealth(channel, command.connection);
  (report.serving ? std::cout : std::cerr) << evalrun::cli::Printable(report.explanation) << ".\n";
  return report.serving ? kExitGone : kExitNotGone;
}

int Run(const evalrun::cli::VersionCommand& /*command*/) {
  std::cout << "evalrunctl " << EVALRUN_VERSION << " (gRPC " << grpc::Version() << ")\n";
  return kExitGone;
}

}  // namespace

int main(int argc, char** argv) {
  // What the gRPC library has to say, such as that a connection failed, is in our own report.
  // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet.
  setenv("GRPC_VERBOSITY", "NONE", /*replace=*/0);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return std::visit([](const auto& command) { return Run(command); },
                    evalrun::cli::ParseCommandLine(arguments));
}
