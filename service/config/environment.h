// SPDX-License-Identifier: Apache-2.0
//
// File: environment.h
//
// The process's environment as a value, and the settings in it: `EVALRUN_` and the flag's name in
// capitals, such as `EVALRUN_UPSTREAM_TIMEOUT`. A variable that is empty counts as not set.
#ifndef EVALRUN_SERVICE_CONFIG_ENVIRONMENT_H_
#define EVALRUN_SERVICE_CONFIG_ENVIRONMENT_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace evalrun::config {

// Views, so that no copy of a secret is left behind.
using Environment = std::map<std::string_view, std::string_view>;

// Parses `environ`. The result views its strings. Must not be called while another thread changes
// the environment.
[[nodiscard]] Environment ProcessEnvironment(const char* const* variables);

// The value; empty when it is not set.
[[nodiscard]] std::string_view Lookup(const Environment& environment, std::string_view name);

// Adds an error for each variable that begins with `EVALRUN_` and is no setting, without its value.
// Variables that Kubernetes sets for a Service whose name begins with `evalrun-`
// (`EVALRUN_GATEWAY_SERVICE_HOST`, `EVALRUN_GATEWAY_PORT_50051_TCP`, ...) are ignored.
void CheckForUnknownVariables(const Environment& environment, std::vector<std::string>* errors);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_ENVIRONMENT_H_
