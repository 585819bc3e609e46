// SPDX-License-Identifier: Apache-2.0
//
// File: command_line.h
//
// Parses the command line into a checked value. Pure.
#ifndef EVALRUN_SERVICE_CLI_COMMAND_LINE_H_
#define EVALRUN_SERVICE_CLI_COMMAND_LINE_H_

#include <string>
#include <variant>
#include <vector>

#include "service/cli/delete_result.h"
#include "service/cli/delete_schedule.h"

namespace evalrun::cli {

// Exit statuses, as listed in the manual. When a signal left work undone, the status is 128 plus
// the signal's number.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

struct DeleteCommand {
  Connection connection;
  DeleteRequest request;         // without the id
  std::vector<std::string> ids;  // as typed
  std::string from_file;         // empty: none; `-`: standard input
  bool allow_empty = false;
  bool opaque_ids = false;
  SchedulePolicy policy;
  std::string done_file;  // empty: none
  bool dry_run = false;
  bool json = false;

  // A single id on the command line gets a detailed report; several get progress and a summary.
  [[nodiscard]] bool many() const { return ids.size() > 1 || !from_file.empty(); }
};

struct HealthCommand {
  Connection connection;
};

struct VersionCommand {};

// Nothing to do but print: help, a completion script, or a usage error.
struct PrintAndExit {
  std::string out;  // for standard output
  std::string err;  // for standard error
  int exit_status = kExitOk;
};

using Command = std::variant<PrintAndExit, DeleteCommand, HealthCommand, VersionCommand>;

// The environment variable with the default of --server.
inline constexpr char kServerVariable[] = "EVALRUNCTL_SERVER";

// Parses the arguments that follow the program's name. `server` is the value of kServerVariable;
// empty if it is not set. Does not throw or print.
[[nodiscard]] Command ParseCommandLine(const std::vector<std::string>& arguments,
                                       const std::string& server = "");

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_COMMAND_LINE_H_
