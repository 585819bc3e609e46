// SPDX-License-Identifier: Apache-2.0
//
// A whole configuration. The input consists of the YAML file, the environment (one `NAME=VALUE` per
// line) and the command line (one argument per line), separated by lines of `===`.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "service/config/api_key.h"
#include "service/config/load_config.h"
#include "tests/fuzz/property.h"

namespace evalrun::fuzz {
namespace {

using config::EarlyExit;
using config::Environment;
using config::LoadedConfig;

constexpr std::string_view kKey = "cAnArY7";

// NUL-terminated strings, as a process receives them.
std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::string_view line = ConsumeUntil("\n", &text);
    lines.emplace_back(line.substr(0, line.find('\0')));
  }
  return lines;
}

struct FuzzInput {
  std::string yaml;
  std::vector<std::string> variables;
  std::vector<std::string> arguments;
};

FuzzInput Split(std::string_view bytes) {
  FuzzInput given;
  given.yaml = ConsumeUntil("\n===\n", &bytes);
  given.variables = SplitLines(ConsumeUntil("\n===\n", &bytes));
  given.arguments = SplitLines(bytes);
  return given;
}

// Every file except the one named `yaml` contains the key.
config::LoadResult Load(const FuzzInput& given, const char* more = nullptr) {
  std::vector<const char*> argv = {"evalrun-gateway", "--config=yaml"};
  for (const std::string& argument : given.arguments) argv.push_back(argument.c_str());
  if (more != nullptr) argv.push_back(more);
  std::vector<const char*> variables;
  for (const std::string& variable : given.variables) variables.push_back(variable.c_str());
  variables.push_back(nullptr);
  Environment environment = config::ProcessEnvironment(variables.data());
  environment[config::kApiKeyVariable] = kKey;
  return config::LoadConfig(static_cast<int>(argv.size()), argv.data(), environment,
                            [&given](const std::string& path, std::size_t) {
                              return path == "yaml" ? given.yaml : std::string(kKey);
                            });
}

void CheckEarlyExit(const EarlyExit& early_exit) {
  Require(early_exit.exit_code == 0 || early_exit.exit_code == 2,
          "nothing but 0 and 2 is an exit code");
  Require(early_exit.out.empty() != early_exit.err.empty(), "one of the two outputs is not empty");
  Require(early_exit.err.empty() == (early_exit.exit_code == 0), "an error goes to standard error");
  for (const std::string* text : {&early_exit.out, &early_exit.err}) {
    Require(text->find(kKey) == std::string::npos, "the key reaches no output");
    Require(text->empty() || text->back() == '\n', "an output ends with a newline");
    Require(std::ranges::none_of(
                *text, [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7F; }),
            "an output has no control characters");
  }
}

// A configuration that is accepted prints one that means the same.
void CheckRoundTrip(const FuzzInput& given, const LoadedConfig& loaded) {
  const auto printed = Load(given, "--print-config");
  const EarlyExit* early_exit = std::get_if<EarlyExit>(&printed);
  Require(early_exit != nullptr && early_exit->exit_code == 0, "what would run can be printed");
  CheckEarlyExit(*early_exit);
  if (!loaded.config.upstream().proxy().empty()) return;  // its credentials are masked
  const auto again = Load({.yaml = early_exit->out, .variables = {}, .arguments = {}});
  const auto* reloaded = std::get_if<LoadedConfig>(&again);
  Require(reloaded != nullptr, "what was printed would run");
  Require(reloaded->config.SerializeAsString() == loaded.config.SerializeAsString(),
          "what was printed means the same");
}

}  // namespace
}  // namespace evalrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = evalrun::fuzz;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.find(fuzz::kKey) != std::string_view::npos) return 0;
  const fuzz::FuzzInput given = fuzz::Split(bytes);
  const auto result = fuzz::Load(given);
  if (const auto* early_exit = std::get_if<evalrun::config::EarlyExit>(&result)) {
    fuzz::CheckEarlyExit(*early_exit);
    return 0;
  }
  const auto& loaded = std::get<evalrun::config::LoadedConfig>(result);
  fuzz::Require(loaded.api_key.RevealForSending() == fuzz::kKey, "the key is the one given");
  fuzz::CheckRoundTrip(given, loaded);
  return 0;
}
