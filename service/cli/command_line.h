// File: command_line.h
//
// What was typed, as a checked value.
#ifndef EVALRUN_SERVICE_CLI_COMMAND_LINE_H_
#define EVALRUN_SERVICE_CLI_COMMAND_LINE_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "service/cli/delete_report.h"

namespace evalrun::cli {

// The exit statuses, as the help lists them.
inline constexpr int kExitGone = 0;
inline constexpr int kExitNotGone = 1;
inline constexpr int kExitUsage = 2;

struct DeleteCommand {
  Connection connection;
  DeleteRequest request;
  bool json = false;
};

struct HealthCommand {
  Connection connection;
};

struct VersionCommand {};

// Nothing to do but to print: help, or what is wrong with the command line.
struct PrintAndExit {
  std::string out;  // for standard output
  std::string err;  // for standard error
  int exit_status = kExitGone;
};

using Command = std::variant<PrintAndExit, DeleteCommand, HealthCommand, VersionCommand>;

// Reads the arguments that follow the program's name. Never throws, never prints.
[[nodiscard]] Command ParseCommandLine(const std::vector<std::string>& arguments);

// `30s`, `1500ms`, `2m`, `1h`: a positive whole number and its unit, at most a day.
[[nodiscard]] std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_COMMAND_LINE_H_
