// SPDX-License-Identifier: Apache-2.0
//
// File: parse_config.h
//
// Parses a configuration, and checks whether it may be run with. Pure.
#ifndef EVALRUN_SERVICE_CONFIG_PARSE_CONFIG_H_
#define EVALRUN_SERVICE_CONFIG_PARSE_CONFIG_H_

#include <string>
#include <vector>

#include "service/config/config.pb.h"
#include "service/config/loaded_config.h"
#include "service/config/setting_registry.h"

namespace evalrun::config {

// Appends one line to `errors` for each mistake: first of single settings, in the order of the
// schema (field_parsers.h), then of settings that do not fit together. Only without an error is the
// result to be used. It has no secrets and no `printed_config` yet.
[[nodiscard]] LoadedConfig ParseConfig(const v1::GatewayConfig& config, const Sources& sources,
                                       std::vector<std::string>* errors);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_PARSE_CONFIG_H_
