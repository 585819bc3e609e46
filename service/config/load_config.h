// SPDX-License-Identifier: Apache-2.0
//
// File: load_config.h
//
// Loads the configuration: flags over environment over a YAML file over the defaults, parsed as a
// whole. Neither prints nor exits.
//
//   LoadResult result = LoadConfig(argc, argv, ProcessEnvironment(environ));
//   if (auto* early_exit = std::get_if<EarlyExit>(&result)) {
//     std::cout << early_exit->out;
//     std::cerr << early_exit->err;
//     return early_exit->exit_code;
//   }
//   LoadedConfig& loaded = std::get<LoadedConfig>(result);
#ifndef EVALRUN_SERVICE_CONFIG_LOAD_CONFIG_H_
#define EVALRUN_SERVICE_CONFIG_LOAD_CONFIG_H_

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <absl/status/statusor.h>

#include "service/config/environment.h"
#include "service/config/loaded_config.h"
#include "service/config/read_file.h"

namespace evalrun::config {

// What to print instead of running: for `--help`, `--version`, `--print-config`, `--check-config`,
// or an error.
struct EarlyExit {
  std::string out;                       // for standard output; empty, or ends with a newline
  std::string err;                       // for standard error; likewise
  int exit_code = 0;                     // 0, or 2 when the configuration is rejected
  std::vector<std::string> errors = {};  // what is wrong with it, one line each; also in `err`
};

using LoadResult = std::variant<LoadedConfig, EarlyExit>;

// Loads the configuration. `argv[0]` is the program's name; `argv` and the views in `environment`
// need to live only as long as the call. All errors are collected, not only the first, and no text
// that is returned holds the API key or a proxy's credentials. Called again with the same
// arguments, it reloads. Thread-safe. No input of a user makes it throw.
[[nodiscard]] LoadResult LoadConfig(int argc, const char* const* argv,
                                    const Environment& environment,
                                    const FileReader& read_file = ReadFile);

// `config`, which LoadConfig() returned, with its API keys read anew: keys are rotated although the
// configuration's files have an error. Errors are those of the keys.
[[nodiscard]] absl::StatusOr<LoadedConfig> LoadKeys(const v1::GatewayConfig& config,
                                                    const Environment& environment,
                                                    const FileReader& read_file = ReadFile);

// `loaded`, which is in force after a reload, as `--print-config` prints it, but without the source
// of each value.
[[nodiscard]] std::string PrintReloaded(const LoadedConfig& loaded);

// The gateway's version, such as `0.1.0`.
[[nodiscard]] std::string_view Version();

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_LOAD_CONFIG_H_
