// SPDX-License-Identifier: Apache-2.0
//
// File: live_settings.h
//
// The settings that may change while the gateway runs: those that are `live` in the schema. Pure.
#ifndef EVALRUN_SERVICE_CONFIG_LIVE_SETTINGS_H_
#define EVALRUN_SERVICE_CONFIG_LIVE_SETTINGS_H_

#include <string>
#include <vector>

#include "service/config/config.pb.h"

namespace evalrun::config {

// Copies the live settings of `loaded` to `running`. Returns the names of the others that differ,
// in the order of the schema: they need a restart.
std::vector<std::string> ApplyLiveSettings(const v1::GatewayConfig& loaded,
                                           v1::GatewayConfig* running);

// 16 hexadecimal digits, the same for the same settings on every machine and in every version of
// the gateway that has the same settings. Depends neither on the API key nor on credentials.
[[nodiscard]] std::string HashConfig(const v1::GatewayConfig& config);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_LIVE_SETTINGS_H_
