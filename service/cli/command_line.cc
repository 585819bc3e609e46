// SPDX-License-Identifier: Apache-2.0

#include "service/cli/command_line.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "service/cli/completion.h"
#include "service/cli/duration.h"
#include "service/cli/flags.h"
#include "service/cli/help_text.h"
#include "service/cli/manual.h"
#include "service/cli/text.h"
#include "service/text/did_you_mean.h"

namespace evalrun::cli {
namespace {

PrintAndExit UsageError(const std::string& sentence, const std::string& command) {
  return {"",
          fmt::format("evalrunctl: {}\nRun 'evalrunctl {}--help' to see how it is used.\n",
                      Printable(sentence), command.empty() ? "" : command + " "),
          kExitUsage};
}

// `server` replaces the default of --server, unless it is empty.
Connection ToConnection(const ConnectionFlags& flags, const std::string& server) {
  const bool is_given = flags.server_option->count() > 0 || server.empty();
  Connection connection{is_given ? flags.server : server,
                        ParseDuration(flags.timeout).value_or(kDefaultTimeout)};
  if (flags.tls) {
    connection.tls = Tls{flags.ca_file, flags.cert_file, flags.key_file, flags.server_name};
  }
  return connection;
}

Command ToDeleteCommand(const Flags::Delete& flags, const std::string& server) {
  DeleteCommand command;
  command.connection = ToConnection(flags.connection, server);
  command.ids = flags.ids;
  command.from_file = flags.from_file;
  command.allow_empty = flags.allow_empty;
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

bool IsUnknownCommand(const CLI::App& app, const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.front().starts_with('-')) return false;
  return std::ranges::none_of(app.get_subcommands(nullptr), [&arguments](const CLI::App* command) {
    return command->get_name() == arguments.front();
  });
}

// `; did you mean --server?` for a misspelled flag.
std::string SuggestFlag(const CLI::App& command, std::string_view argument) {
  std::vector<text::Candidate> candidates;
  for (const CLI::Option* const option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      candidates.push_back({name, "--" + name});
    }
  }
  argument = argument.substr(0, argument.find('='));
  argument.remove_prefix(std::min(argument.find_first_not_of('-'), argument.size()));
  return text::DidYouMean(argument, candidates);
}

std::string SuggestCommand(const CLI::App& app, std::string_view name) {
  std::vector<text::Candidate> candidates;
  for (const CLI::App* const command : app.get_subcommands(nullptr)) {
    candidates.push_back({command->get_name(), command->get_name()});
  }
  return text::DidYouMean(name, candidates);
}

}  // namespace

Command ParseCommandLine(const std::vector<std::string>& arguments, const std::string& server) {
  Flags flags;
  const std::unique_ptr<CLI::App> app = MakeApp(&flags);
  if (arguments.empty()) return UsageError("which command? There is delete, for example", "");
  // CLI11's own error would only say that a command is missing.
  if (arguments.front().starts_with("--")) {
    const std::string flag = arguments.front().substr(0, arguments.front().find('='));
    if (app->get_subcommand("delete")->get_option_no_throw(flag) != nullptr && flag != "--help") {
      return UsageError(fmt::format("{} comes after the command, such as delete", flag), "");
    }
    if (app->get_option_no_throw(flag) == nullptr) {
      return UsageError(fmt::format("there is no flag '{}'{}", flag, SuggestFlag(*app, flag)), "");
    }
  }
  if (IsUnknownCommand(*app, arguments)) {
    return UsageError(fmt::format("there is no command '{}'{}", arguments.front(),
                                  SuggestCommand(*app, arguments.front())),
                      "");
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
  } catch (const CLI::ExtrasError& error) {
    const std::vector<std::string> unexpected = app->remaining(/*recurse=*/true);
    if (unexpected.empty() || !unexpected.front().starts_with('-')) {
      return UsageError(error.what(), command_name());
    }
    const CLI::App& command = *app->get_subcommand(command_name());
    return UsageError(fmt::format("there is no flag '{}'{}", unexpected.front(),
                                  SuggestFlag(command, unexpected.front())),
                      command_name());
  } catch (const CLI::ParseError& error) {
    return UsageError(error.what(), command_name());
  }
  const std::string command = command_name();
  if (command == "version") return VersionCommand{};
  if (command == "help") {
    return PrintAndExit{HelpText(MakeManual(), flags.help_command), "", kExitOk};
  }
  if (command == "completion") {
    return PrintAndExit{CompletionScript(MakeManual(), flags.shell), "", kExitOk};
  }
  const std::string wrong = server.empty() ? "" : CheckServer(server);
  const ConnectionFlags& connection = command == "health" ? flags.health : flags.remove.connection;
  if (!wrong.empty() && connection.server_option->count() == 0) {
    return UsageError(fmt::format("{}: {}", kServerVariable, wrong), command);
  }
  if (command == "health") return HealthCommand{ToConnection(flags.health, server)};
  return ToDeleteCommand(flags.remove, server);
}

}  // namespace evalrun::cli
