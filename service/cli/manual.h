// SPDX-License-Identifier: Apache-2.0
//
// File: manual.h
//
// The documentation of the command line as plain values: the flags of flags.h and the text around
// them. `--help`, the man page and the completion scripts are generated from it.
#ifndef EVALRUN_SERVICE_CLI_MANUAL_H_
#define EVALRUN_SERVICE_CLI_MANUAL_H_

#include <string>
#include <vector>

namespace evalrun::cli {

struct FlagManual {
  std::string name;        // `--server`
  std::string short_name;  // `-h`, or empty
  std::string value;       // `HOST:PORT`, or empty: a switch
  std::string default_value;
  std::string help;  // a sentence without its full stop
};

struct FlagGroup {
  std::string title;
  std::vector<FlagManual> flags;
};

struct Example {
  std::string says;  // what it does, without a full stop
  std::string command;
};

struct CommandManual {
  std::string name;
  std::string summary;                  // a phrase
  std::string arguments;                // `ID...`, or empty
  std::string argument_help;            // describes the arguments
  std::vector<std::string> words;       // the only values that the argument may have; empty: any
  std::vector<std::string> paragraphs;  // describe the behaviour
  std::vector<FlagGroup> groups;
  std::vector<Example> examples;
};

struct ExitStatus {
  std::string status;
  std::string meaning;
};

struct Manual {
  std::string summary;
  std::vector<std::string> paragraphs;
  std::vector<FlagManual> flags;  // before the command, or common to all commands
  std::vector<CommandManual> commands;
  std::vector<ExitStatus> exit_statuses;
};

[[nodiscard]] Manual MakeManual();

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_MANUAL_H_
