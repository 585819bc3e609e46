// File: load_config.h
//
// The one door to the configuration: flags over environment over a YAML file over the defaults,
// validated as a whole. Prints nothing, ends nothing.
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

#include "service/config/config.pb.h"
#include "service/config/environment.h"
#include "service/config/host_port.h"
#include "service/config/read_file.h"
#include "service/config/secret.h"
#include "service/config/upstream_url.h"

namespace evalrun::config {

// A configuration to run with. Every field of `config` is set and within its bounds; durations are
// read with ToMicroseconds() (duration.h).
struct LoadedConfig {
  v1::GatewayConfig config;
  // `config.listen()`, `config.admin_listen()` and `config.upstream().url()`, taken apart.
  HostPort listen;
  HostPort admin_listen;
  UpstreamUrl upstream;
  Secret api_key;              // never empty
  std::string api_key_source;  // `AYMARA_AI_API_KEY`, or the file's name: safe to show
  std::vector<Secret> keys;    // of `config.upstream().keys()`, in the same order
  std::string printed_config;  // all of it as `--print-config` prints it, secrets masked
};

// Nothing is to be run: `--help`, `--version`, `--print-config`, `--check-config`, or an error.
struct EarlyExit {
  std::string out;                       // for standard output; empty, or ends with a newline
  std::string err;                       // for standard error; likewise
  int exit_code = 0;                     // 0, or 2 when the configuration is refused
  std::vector<std::string> errors = {};  // what was refused, one line each; also in `err`
};

using LoadResult = std::variant<LoadedConfig, EarlyExit>;

// Loads the configuration. `argv[0]` is the program's name; `argv` and the views in `environment`
// need to live only as long as the call. All errors are collected, not only the first, and no text
// that is returned holds the API key or a proxy's credentials. Call it again with the same
// arguments to load anew. Thread-safe. Never throws for what a user wrote.
[[nodiscard]] LoadResult LoadConfig(int argc, const char* const* argv,
                                    const Environment& environment,
                                    const FileReader& read_file = ReadFile);

// The gateway's version, such as `0.1.0`.
[[nodiscard]] std::string_view Version();

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_LOAD_CONFIG_H_
