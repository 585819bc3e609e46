// SPDX-License-Identifier: Apache-2.0
//
// File: contradictions.h
//
// Settings that are valid by themselves and have no effect together.
#ifndef EVALRUN_SERVICE_CONFIG_CONTRADICTIONS_H_
#define EVALRUN_SERVICE_CONFIG_CONTRADICTIONS_H_

#include <string>
#include <vector>

#include "service/config/config.pb.h"

namespace evalrun::config {

// One sentence without its full stop for each contradiction in a valid configuration, such as a
// rule for callers with a certificate where none is asked for. Pure.
[[nodiscard]] std::vector<std::string> FindContradictions(const v1::GatewayConfig& config);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_CONTRADICTIONS_H_
