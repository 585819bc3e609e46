// SPDX-License-Identifier: Apache-2.0
//
// File: load.h
//
// LoadConfig() and ParseConfig() on literals: flags, environment and files as a test writes them
// down.
#ifndef EVALRUN_TESTS_UNIT_CONFIG_LOAD_H_
#define EVALRUN_TESTS_UNIT_CONFIG_LOAD_H_

#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <absl/status/status.h>

#include "service/config/field_value.h"
#include "service/config/load_config.h"
#include "service/config/parse_config.h"
#include "service/config/yaml_reader.h"

namespace evalrun::config {

struct LoadInput {
  std::vector<const char*> flags = {};
  Environment environment = {{"AYMARA_AI_API_KEY", "test-key"}};
  std::map<std::string, std::string> files = {};  // contents by name
};

inline LoadResult Load(const LoadInput& given) {
  std::vector<const char*> argv = {"evalrun-gateway"};
  for (const char* flag : given.flags) argv.push_back(flag);
  const FileReader read_file = [&given](const std::string& path,
                                        std::size_t max_bytes) -> absl::StatusOr<std::string> {
    const auto found = given.files.find(path);
    if (found == given.files.end()) {
      return absl::InvalidArgumentError("cannot read " + path + ": No such file or directory");
    }
    if (found->second.size() > max_bytes) {
      return absl::InvalidArgumentError("cannot read " + path + ": it is too large");
    }
    return found->second;
  };
  return LoadConfig(static_cast<int>(argv.size()), argv.data(), given.environment, read_file);
}

// What is printed instead of running; exit_code is -1 if the gateway would run.
inline EarlyExit ToEarlyExit(const LoadResult& result) {
  const EarlyExit* early_exit = std::get_if<EarlyExit>(&result);
  return early_exit == nullptr ? EarlyExit{.out = "(runs)", .err = "", .exit_code = -1}
                               : *early_exit;
}

// The errors of a file that contains `yaml`. `loaded` is set to what was parsed.
inline std::vector<std::string> FindErrors(const std::string& yaml,
                                           LoadedConfig* loaded = nullptr) {
  v1::GatewayConfig config;
  SetDefaults(&config);
  Sources sources;
  std::vector<std::string> errors;
  ReadYaml(yaml, "gateway.yaml", &config, &sources, &errors);
  LoadedConfig parsed = ParseConfig(config, sources, &errors);
  if (loaded != nullptr) *loaded = std::move(parsed);
  return errors;
}

}  // namespace evalrun::config

#endif  // EVALRUN_TESTS_UNIT_CONFIG_LOAD_H_
