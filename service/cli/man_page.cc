// SPDX-License-Identifier: Apache-2.0

#include "service/cli/man_page.h"

#include <string_view>

#include <fmt/format.h>

namespace evalrun::cli {
namespace {

// Escapes text for roff: whatever would be read as a request or changed typographically. `text`
// contains no newline.
std::string Escaped(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out = "\\&";
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'') {
      out += "\\(aq";
    } else if (c == '~') {
      out += "\\(ti";
    } else if (c == '^') {
      out += "\\(ha";
    } else {
      out += c;
    }
  }
  return out;
}

std::string Flag(const FlagManual& flag) {
  std::string out = ".TP\n";
  if (!flag.short_name.empty()) out += fmt::format("\\fB{}\\fR, ", Escaped(flag.short_name));
  out += fmt::format("\\fB{}\\fR", Escaped(flag.name));
  if (!flag.value.empty()) out += fmt::format(" \\fI{}\\fR", Escaped(flag.value));
  out += fmt::format("\n{}.\n", Escaped(flag.help));
  if (!flag.default_value.empty())
    out += fmt::format("Default: {}.\n", Escaped(flag.default_value));
  return out;
}

std::string Command(const CommandManual& command) {
  std::string out = fmt::format(".SS \"evalrunctl {}", command.name);
  if (!command.arguments.empty()) out += " " + Escaped(command.arguments);
  if (!command.groups.empty()) out += " [FLAGS]";
  out += fmt::format("\"\n{}.\n", Escaped(command.summary));
  for (const std::string& paragraph : command.paragraphs) {
    out += ".PP\n" + Escaped(paragraph) + "\n";
  }
  if (!command.arguments.empty()) {
    out += fmt::format(".TP\n\\fI{}\\fR\n{}.\n", Escaped(command.arguments),
                       Escaped(command.argument_help));
  }
  for (const FlagGroup& group : command.groups) {
    out += fmt::format(".PP\n{}:\n", Escaped(group.title));
    for (const FlagManual& flag : group.flags) out += Flag(flag);
  }
  return out;
}

}  // namespace

std::string ManPage(const Manual& manual) {
  std::string out =
      ".\\\" Made from service/cli/flags.cc and manual.cc: see service/cli/README.md.\n"
      ".TH EVALRUNCTL 1 \"\" \"evalrun\\-gateway\" \"User Commands\"\n"
      ".SH NAME\n";
  out += fmt::format("evalrunctl \\- {}\n", Escaped(manual.summary));
  out += ".SH SYNOPSIS\n\\fBevalrunctl\\fR \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]\n.SH DESCRIPTION\n";
  for (std::size_t i = 0; i < manual.paragraphs.size(); ++i) {
    out += (i > 0 ? ".PP\n" : "") + Escaped(manual.paragraphs[i]) + "\n";
  }
  for (const FlagManual& flag : manual.flags) out += Flag(flag);
  out += ".SH COMMANDS\n";
  for (const CommandManual& command : manual.commands) out += Command(command);
  out += ".SH EXIT STATUS\n";
  for (const ExitStatus& status : manual.exit_statuses) {
    out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", status.status, Escaped(status.meaning));
  }
  out += ".SH EXAMPLES\n";
  for (const CommandManual& command : manual.commands) {
    for (const Example& example : command.examples) {
      out += fmt::format(".PP\n{}:\n.PP\n.nf\n.RS\n{}\n.RE\n.fi\n", Escaped(example.says),
                         Escaped(example.command));
    }
  }
  return out;
}

}  // namespace evalrun::cli
