// SPDX-License-Identifier: Apache-2.0

#include "service/cli/help_text.h"

#include <cstddef>

#include <fmt/format.h>

namespace evalrun::cli {
namespace {

constexpr std::size_t kColumns = 79;

// Wraps `text` into lines that begin with `indent` spaces and end with a newline.
std::string Wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::string line;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    if (!line.empty() && indent + line.size() + 1 + word.size() > kColumns) {
      out += std::string(indent, ' ') + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + std::string(word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + std::string(indent, ' ') + line + "\n";
}

std::string Flag(const FlagManual& flag) {
  std::string line = "  ";
  if (!flag.short_name.empty()) line += flag.short_name + ", ";
  line += flag.name;
  if (!flag.value.empty()) line += " " + flag.value;
  if (!flag.default_value.empty()) line += fmt::format("  (default {})", flag.default_value);
  return line + "\n" + Wrapped(flag.help + ".", 6);
}

std::string Examples(const std::vector<Example>& examples) {
  if (examples.empty()) return "";
  std::string out = "\nExamples:\n";
  for (const Example& example : examples) {
    out += fmt::format("  {}:\n    {}\n", example.says, example.command);
  }
  return out;
}

std::string ExitStatuses(const Manual& manual) {
  std::string out = "\nExit status:\n";
  for (const ExitStatus& status : manual.exit_statuses) {
    const std::string text = Wrapped(status.meaning, 7);
    out += fmt::format("  {:<5}{}", status.status, text.substr(7));
  }
  return out;
}

std::string CommandHelp(const Manual& manual, const CommandManual& command) {
  std::string out = fmt::format("Usage: evalrunctl {}{}{}{}\n\n{}.\n", command.name,
                                command.arguments.empty() ? "" : " ", command.arguments,
                                command.groups.empty() ? "" : " [FLAGS]", command.summary);
  for (const std::string& paragraph : command.paragraphs) out += "\n" + Wrapped(paragraph, 0);
  if (!command.arguments.empty()) {
    out += fmt::format("\n  {}\n{}", command.arguments, Wrapped(command.argument_help + ".", 6));
  }
  for (const FlagGroup& group : command.groups) {
    out += fmt::format("\n{}:\n", group.title);
    for (const FlagManual& flag : group.flags) out += Flag(flag);
  }
  return out + Examples(command.examples) + ExitStatuses(manual);
}

std::string ProgramHelp(const Manual& manual) {
  std::string out = fmt::format("Usage: evalrunctl COMMAND [ARGUMENTS]\n\n{}.\n", manual.summary);
  for (const std::string& paragraph : manual.paragraphs) out += "\n" + Wrapped(paragraph, 0);
  out += "\nCommands:\n";
  for (const CommandManual& command : manual.commands) {
    out += fmt::format("  {:<12}{}\n", command.name, command.summary);
  }
  out += "\nFlags:\n";
  for (const FlagManual& flag : manual.flags) out += Flag(flag);
  out += "\n'evalrunctl COMMAND --help' tells everything about a command.\n";
  std::vector<Example> first;
  for (const CommandManual& command : manual.commands) {
    if (!command.examples.empty()) first.push_back(command.examples.front());
  }
  return out + Examples(first) + ExitStatuses(manual);
}

}  // namespace

std::string HelpText(const Manual& manual, std::string_view command) {
  for (const CommandManual& candidate : manual.commands) {
    if (candidate.name == command) return CommandHelp(manual, candidate);
  }
  return ProgramHelp(manual);
}

}  // namespace evalrun::cli
