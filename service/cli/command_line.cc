// SPDX-License-Identifier: Apache-2.0

#include "service/cli/command_line.h"

#include <algorithm>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "service/cli/completion.h"
#include "service/cli/duration.h"
#include "service/cli/flags.h"
#include "service/cli/help_text.h"
#include "service/cli/manual.h"
#include "service/cli/text.h"

namespace evalrun::cli {
namespace {

PrintAndExit UsageError(const std::string& sentence, const std::string& command) {
  return {"",
          fmt::format("evalrunctl: {}\nRun 'evalrunctl {}--help' to see how it is used.\n",
                      Printable(sentence), command.empty() ? "" : command + " "),
          kExitUsage};
}

Connection ToConnection(const ConnectionFlags& flags) {
  Connection connection{flags.server, ParseDuration(flags.timeout).value_or(kDefaultTimeout)};
  if (flags.tls) {
    connection.tls = Tls{flags.ca_file, flags.cert_file, flags.key_file, flags.server_name};
  }
  return connection;
}

Command ToDeleteCommand(const Flags::Delete& flags) {
  DeleteCommand command;
  command.connection = ToConnection(flags.connection);
  command.ids = flags.ids;
  command.from_file = flags.from_file;
  command.opaque_ids = flags.opaque_ids;
  if (flags.workspace->count() > 0) command.request.workspace_uuid = flags.workspace_uuid;
  command.request.allow_missing = flags.allow_missing;
  command.request.request_id = flags.request_id;
  command.done_file = flags.done_file;
  command.dry_run = flags.dry_run;
  command.json = flags.json;
  if (command.ids.empty() && command.from_file.empty()) {
    return UsageError("which run? Name an ID, or a file of them with --from-file", "delete");
  }
  if (command.many() && !command.request.request_id.empty()) {
    return UsageError("--request-id is for one ID: of many calls each has a request id of its own",
                      "delete");
  }
  command.policy = {flags.concurrency, flags.max_attempts, /*retry_rejected=*/command.many(),
                    flags.retry_unknown,
                    ParseDuration(flags.max_wait).value_or(command.policy.max_wait)};
  return command;
}

// CLI11's own error would only say that a command is missing.
bool IsUnknownCommand(const CLI::App& app, const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.front().starts_with('-')) return false;
  return std::ranges::none_of(app.get_subcommands(nullptr), [&arguments](const CLI::App* command) {
    return command->get_name() == arguments.front();
  });
}

}  // namespace

Command ParseCommandLine(const std::vector<std::string>& arguments) {
  Flags flags;
  const std::unique_ptr<CLI::App> app = MakeApp(&flags);
  if (arguments.empty()) return UsageError("which command? There is delete, for example", "");
  if (IsUnknownCommand(*app, arguments)) {
    return UsageError(fmt::format("there is no command '{}'", arguments.front()), "");
  }
  const auto command_name = [&app] {
    const auto parsed = app->get_subcommands();
    return parsed.empty() ? std::string() : parsed.front()->get_name();
  };
  try {
    // CLI11 expects the arguments in reverse order.
    app->parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    return PrintAndExit{HelpText(MakeManual(), command_name()), "", kExitOk};
  } catch (const CLI::CallForVersion&) {
    return VersionCommand{};
  } catch (const CLI::ParseError& error) {
    return UsageError(error.what(), command_name());
  }
  const std::string command = command_name();
  if (command == "version") return VersionCommand{};
  if (command == "health") return HealthCommand{ToConnection(flags.health)};
  if (command == "completion") {
    return PrintAndExit{CompletionScript(MakeManual(), flags.shell), "", kExitOk};
  }
  return ToDeleteCommand(flags.remove);
}

}  // namespace evalrun::cli
