// File: command_line.h
//
// What was typed, as a checked value. Pure.
#ifndef EVALRUN_SERVICE_CLI_COMMAND_LINE_H_
#define EVALRUN_SERVICE_CLI_COMMAND_LINE_H_

#include <string>
#include <variant>
#include <vector>

#include "service/cli/delete_result.h"
#include "service/cli/delete_schedule.h"

namespace evalrun::cli {

// The exit statuses, as the manual lists them. After a signal that left something undone: 128 and
// the signal.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

struct DeleteCommand {
  Connection connection;
  DeleteRequest request;         // but for the id
  std::vector<std::string> ids;  // as they were typed
  std::string from_file;         // empty: none; `-`: standard input
  bool opaque_ids = false;
  SchedulePolicy policy;
  std::string done_file;  // empty: none
  bool dry_run = false;
  bool json = false;

  // One id on the command line is answered in detail, many by progress and a summary.
  [[nodiscard]] bool many() const { return ids.size() > 1 || !from_file.empty(); }
};

struct HealthCommand {
  Connection connection;
};

struct VersionCommand {};

// Nothing to do but to print: help, a completion script, or what is wrong with the command line.
struct PrintAndExit {
  std::string out;  // for standard output
  std::string err;  // for standard error
  int exit_status = kExitOk;
};

using Command = std::variant<PrintAndExit, DeleteCommand, HealthCommand, VersionCommand>;

// Reads the arguments that follow the program's name. Never throws, never prints.
[[nodiscard]] Command ParseCommandLine(const std::vector<std::string>& arguments);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_COMMAND_LINE_H_
