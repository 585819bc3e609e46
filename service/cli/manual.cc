// SPDX-License-Identifier: Apache-2.0

#include "service/cli/manual.h"

#include <memory>
#include <sstream>
#include <string_view>

#include <CLI/CLI.hpp>

#include "service/cli/flags.h"

namespace evalrun::cli {
namespace {

// One paragraph per line.
constexpr char kDeleteText[] =
    "Deletes the runs that are named, once each, and says what is certain about every one. "
    "Deleted runs cannot be brought back. The whole list is read and checked before the first id "
    "is "
    "sent: a list with a mistake in it, one that cannot be read to its end, and one without an id "
    "(without --allow-empty) are refused as a whole.\n"
    "One ID on the command line is answered in detail. Of many, a bar (or a line every ten "
    "seconds where standard error is no terminal) shows the progress, and a summary says at "
    "the end what became of them, by outcome, and what to do next. A report of success goes "
    "to standard output, one of failure to standard error.\n"
    "When a response is lost it is unknown whether a run is deleted. Such runs are listed with the "
    "command that settles them, which is to delete again with --allow-missing; "
    "--retry-unknown does that by itself.\n"
    "When the gateway says that there are too many requests, a long list is paused for as long "
    "as it asks, and goes on with fewer calls at a time. When the gateway is restarted, it "
    "waits for it. What would fail for every run alike stops the list.\n"
    "With --done-file even a kill -9 loses nothing: a line is appended before a run is sent, "
    "and another when its fate is known. The same command later skips what is done, and asks again "
    "about the rest; with --allow-missing where the response was lost.\n"
    "Ctrl-C, SIGTERM, and SIGHUP unless it is ignored, stop cleanly: nothing new is sent, calls "
    "under way get five seconds, "
    "and the summary says what was done and how to go on. A second one cancels them at once. "
    "What would be a long list is written to a new file evalrunctl-unknown-N.txt, "
    "evalrunctl-failed-N.txt or evalrunctl-left-N.txt in the current directory.";
constexpr char kCompletionText[] =
    "For bash: source <(evalrunctl completion bash), for example in ~/.bashrc. For zsh: "
    "source <(evalrunctl completion zsh) after compinit. For fish: evalrunctl completion "
    "fish | source.";

std::vector<std::string> CommandParagraphs(std::string_view command) {
  std::istringstream text(command == "delete"       ? kDeleteText
                          : command == "completion" ? kCompletionText
                                                    : "");
  std::vector<std::string> paragraphs;
  for (std::string line; std::getline(text, line);) paragraphs.push_back(line);
  return paragraphs;
}

std::vector<Example> CommandExamples(std::string_view command) {
  if (command == "delete") {
    return {
        {"Delete one run", "evalrunctl delete score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e"},
        {"See what a list would delete", "evalrunctl delete --from-file ids.txt --dry-run"},
        {"Delete it, so that it can be interrupted and resumed",
         "evalrunctl delete --from-file ids.txt --done-file done.txt"},
        {"Read the ids from another program, and have one JSON object for each",
         "list-ids | evalrunctl delete --from-file - --json > results.jsonl"},
        {"Be content when it is not in the workspace, and ask until that is certain",
         "evalrunctl delete --allow-missing --retry-unknown "
         "954d54bc-bd5f-4cb5-8d20-688f368b712e"},
        {"Over TLS, with a certificate of one's own",
         "evalrunctl delete --server gateway.example:443 --tls --ca-file ca.pem --cert-file me.pem "
         "--key-file me.key --from-file ids.txt"},
    };
  }
  if (command == "health") {
    return {{"Wait in a script until the gateway serves",
             "until evalrunctl health --server gateway.example:50051; do sleep 1; done"}};
  }
  if (command == "completion") {
    return {{"Complete commands and flags in this bash", "source <(evalrunctl completion bash)"}};
  }
  return {};
}

FlagManual ToFlagManual(const CLI::Option& option) {
  FlagManual flag;
  flag.name = "--" + option.get_lnames().front();
  if (!option.get_snames().empty()) flag.short_name = "-" + option.get_snames().front();
  if (option.get_expected_min() > 0) flag.value = option.get_type_name();
  flag.default_value = option.get_default_str();
  flag.help = option.get_description();
  return flag;
}

CommandManual ToCommandManual(const CLI::App& app) {
  CommandManual command;
  command.name = app.get_name();
  command.summary = app.get_description();
  command.paragraphs = CommandParagraphs(command.name);
  command.examples = CommandExamples(command.name);
  for (const CLI::Option* const option : app.get_options()) {
    if (option->get_positional()) {
      command.arguments = option->get_name(true);
      if (option->get_expected_max() > 1) command.arguments += "...";
      command.argument_help = option->get_description();
      continue;
    }
    if (option == app.get_help_ptr()) continue;
    if (command.groups.empty() || command.groups.back().title != option->get_group()) {
      command.groups.push_back({option->get_group(), {}});
    }
    command.groups.back().flags.push_back(ToFlagManual(*option));
  }
  if (command.name == "completion") command.words = {"bash", "zsh", "fish"};
  if (command.name == "help") command.words = {"delete", "health", "version", "completion"};
  return command;
}

}  // namespace

Manual MakeManual() {
  Flags flags;
  const std::unique_ptr<CLI::App> app = MakeApp(&flags);
  Manual manual;
  manual.summary = app->get_description();
  manual.paragraphs = {
      "An eval run that is deleted is gone for good, so every response says in one word what is "
      "certain: performed (this call deleted it), presumed (it is not in this workspace, and an "
      "earlier call may have deleted it), absent (it was not in this workspace), not_performed "
      "(this call certainly deleted nothing) or unknown (the response was lost)."};
  for (const CLI::Option* const option : app->get_options()) {
    manual.flags.push_back(ToFlagManual(*option));
  }
  for (const CLI::App* const command : app->get_subcommands(nullptr)) {
    manual.commands.push_back(ToCommandManual(*command));
  }
  manual.exit_statuses = {
      {"0", "No run is left in its workspace; or the gateway is serving."},
      {"1",
       "Some run is, or it is unknown; or standard output or the done-file could not be written; "
       "or "
       "the gateway is not serving."},
      {"2",
       "The command line, the list of ids or a file that it names is wrong. Nothing was sent."},
      {"130", "Stopped by Ctrl-C with something left undone; 143 by SIGTERM, 129 by SIGHUP."},
  };
  return manual;
}

}  // namespace evalrun::cli
