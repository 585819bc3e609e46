// SPDX-License-Identifier: Apache-2.0

#include "service/config/environment.h"

#include <algorithm>
#include <cstddef>

#include "service/config/setting_registry.h"
#include "service/config/text.h"
#include "service/text/did_you_mean.h"

namespace evalrun::config {
namespace {

bool IsKnown(std::string_view name) {
  const auto& settings = AllSettings();
  return name == "EVALRUN_CONFIG" ||
         std::any_of(settings.begin(), settings.end(),
                     [name](const SettingInfo& setting) { return setting.variable == name; });
}

bool Contains(std::string_view name, std::string_view part) {
  return name.find(part) != std::string_view::npos;
}

// X_SERVICE_HOST, X_SERVICE_PORT, X_SERVICE_PORT_GRPC, X_PORT, X_PORT_50051_TCP_ADDR, ...
bool IsSetByKubernetes(std::string_view name) {
  return name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT") ||
         Contains(name, "_SERVICE_PORT_") || name.ends_with("_PORT") ||
         (Contains(name, "_PORT_") && (Contains(name, "_TCP") || Contains(name, "_UDP")));
}

}  // namespace

Environment ProcessEnvironment(const char* const* variables) {
  Environment environment;
  for (; *variables != nullptr; ++variables) {
    const std::string_view variable = *variables;
    const std::size_t equals = variable.find('=');
    if (equals == std::string_view::npos) continue;
    // Of a name that occurs twice the first counts, as for getenv().
    environment.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return environment;
}

std::string_view Lookup(const Environment& environment, std::string_view name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string_view() : found->second;
}

void CheckForUnknownVariables(const Environment& environment, std::vector<std::string>* errors) {
  for (const auto& [name, value] : environment) {
    if (!name.starts_with("EVALRUN_") || value.empty() || IsKnown(name) ||
        IsSetByKubernetes(name)) {
      continue;
    }
    errors->push_back(
        Concat(Escape(name), ": no such setting", text::DidYouMean(name, VariableCandidates())));
  }
}

}  // namespace evalrun::config
