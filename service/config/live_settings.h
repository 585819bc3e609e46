// File: live_settings.h
//
// Which settings may change while the gateway runs: those whose schema says `live`. Pure.
#ifndef EVALRUN_SERVICE_CONFIG_LIVE_SETTINGS_H_
#define EVALRUN_SERVICE_CONFIG_LIVE_SETTINGS_H_

#include <string>
#include <vector>

#include "service/config/config.pb.h"

namespace evalrun::config {

// Takes the live settings of `loaded` over into `running`. Returns the keys of the others that
// differ, in the order of the schema: they need a restart.
std::vector<std::string> ApplyLiveSettings(const v1::GatewayConfig& loaded,
                                           v1::GatewayConfig* running);

// 16 hexadecimal digits that are the same for the same settings, whatever the version of the
// gateway that knows the same settings, and on every machine. Neither the API key nor credentials
// are in it.
[[nodiscard]] std::string HashConfig(const v1::GatewayConfig& config);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_LIVE_SETTINGS_H_
