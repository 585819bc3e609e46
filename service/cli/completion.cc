// SPDX-License-Identifier: Apache-2.0

#include "service/cli/completion.h"

#include <algorithm>
#include <functional>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>  // fmt::join, since fmt 11

namespace evalrun::cli {
namespace {

bool IsFile(const FlagManual& flag) { return flag.value == "FILE"; }

std::vector<FlagManual> CommandFlags(const Manual& manual, const CommandManual& command) {
  std::vector<FlagManual> flags;
  for (const FlagGroup& group : command.groups) {
    flags.insert(flags.end(), group.flags.begin(), group.flags.end());
  }
  for (const FlagManual& flag : manual.flags) {
    if (flag.name == "--help") flags.push_back(flag);
  }
  return flags;
}

// The distinct names of all flags for which `wanted` returns true, joined by `|`.
std::string Names(const Manual& manual, const std::function<bool(const FlagManual&)>& wanted) {
  std::vector<std::string> names;
  for (const CommandManual& command : manual.commands) {
    for (const FlagManual& flag : CommandFlags(manual, command)) {
      if (wanted(flag)) names.push_back(flag.name);
    }
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return fmt::format("{}", fmt::join(names, "|"));
}

// Escapes text for a single-quoted fish string, where a backslash escapes the quote and itself.
std::string FishText(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string Bash(const Manual& manual) {
  std::vector<std::string> commands;
  std::string cases;
  for (const CommandManual& command : manual.commands) {
    commands.push_back(command.name);
    std::vector<std::string> words = command.words;
    for (const FlagManual& flag : CommandFlags(manual, command)) words.push_back(flag.name);
    cases += fmt::format("    {}) words='{}' ;;\n", command.name, fmt::join(words, " "));
  }
  std::vector<std::string> first = commands;
  for (const FlagManual& flag : manual.flags) first.push_back(flag.name);
  return fmt::format(
      R"(# bash completion for evalrunctl: source <(evalrunctl completion bash)
_evalrunctl() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} flag=${{COMP_WORDS[COMP_CWORD-1]}} command= words= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${{COMP_WORDS[i]}} in
      {}) command=${{COMP_WORDS[i]}}; break ;;
    esac
  done
  # Of --flag=value bash makes three words.
  if [[ $current == = ]]; then
    current=
  elif [[ $flag == = ]]; then
    flag=${{COMP_WORDS[COMP_CWORD-2]}}
  fi
  COMPREPLY=()
  case $flag in
    {})
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return ;;
    {})
      return ;;
  esac
  case $command in
    '') words='{}' ;;
{}  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}}
complete -F _evalrunctl evalrunctl
)",
      fmt::join(commands, "|"), Names(manual, IsFile),
      Names(manual, [](const FlagManual& flag) { return !flag.value.empty() && !IsFile(flag); }),
      fmt::join(first, " "), cases);
}

// Escapes text for a single-quoted argument of zsh's _arguments, where brackets and colons are
// special. A quote cannot be escaped inside quotes: the string is closed, an escaped quote is
// added, and a new string is opened.
std::string ZshText(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return out;
}

std::string Zsh(const Manual& manual) {
  std::string commands;
  std::string cases;
  for (const CommandManual& command : manual.commands) {
    commands += fmt::format(" '{}:{}'", command.name, ZshText(command.summary));
    std::string arguments;
    for (const FlagManual& flag : CommandFlags(manual, command)) {
      arguments += fmt::format(" \\\n        '{}{}[{}]{}'", flag.name,
                               flag.value.empty() ? "" : "=", ZshText(flag.help),
                               flag.value.empty() ? ""
                               : IsFile(flag)     ? ":FILE:_files"
                                                  : fmt::format(":{}: ", ZshText(flag.value)));
    }
    if (!command.words.empty()) {
      arguments +=
          fmt::format(" \\\n        '1:{}:({})'", command.arguments, fmt::join(command.words, " "));
    }
    cases += fmt::format("      {}) _arguments{} ;;\n", command.name, arguments);
  }
  return fmt::format(
      R"(#compdef evalrunctl
# zsh completion for evalrunctl: source <(evalrunctl completion zsh), after compinit
_evalrunctl() {{
  local curcontext=$curcontext state line
  typeset -A opt_args
  local -a commands=({})
  _arguments -C '--help[Print help]' '--version[Print the versions]' \
    '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $line[1] in
{}      esac ;;
  esac
}}
compdef _evalrunctl evalrunctl
)",
      commands, cases);
}

std::string Fish(const Manual& manual) {
  std::string out =
      "# fish completion for evalrunctl: evalrunctl completion fish | source\n"
      "complete -c evalrunctl -f\n";
  for (const FlagManual& flag : manual.flags) {
    out += fmt::format("complete -c evalrunctl -n __fish_use_subcommand -l {} -d '{}'\n",
                       flag.name.substr(2), FishText(flag.help));
  }
  for (const CommandManual& command : manual.commands) {
    out += fmt::format("complete -c evalrunctl -n __fish_use_subcommand -a {} -d '{}'\n",
                       command.name, FishText(command.summary));
    const std::string here =
        fmt::format("complete -c evalrunctl -n '__fish_seen_subcommand_from {}'", command.name);
    if (!command.words.empty()) {
      out += fmt::format("{} -a '{}'\n", here, fmt::join(command.words, " "));
    }
    for (const FlagManual& flag : CommandFlags(manual, command)) {
      out += fmt::format("{} -l {}{} -d '{}'\n", here, flag.name.substr(2),
                         flag.value.empty() ? ""
                         : IsFile(flag)     ? " -r -F"
                                            : " -x",
                         FishText(flag.help));
    }
  }
  return out;
}

}  // namespace

std::string CompletionScript(const Manual& manual, std::string_view shell) {
  if (shell == "bash") return Bash(manual);
  if (shell == "zsh") return Zsh(manual);
  if (shell == "fish") return Fish(manual);
  return "";
}

}  // namespace evalrun::cli
