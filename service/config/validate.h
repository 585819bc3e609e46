// File: validate.h
//
// Whether a configuration may be run with. Pure.
#ifndef EVALRUN_SERVICE_CONFIG_VALIDATE_H_
#define EVALRUN_SERVICE_CONFIG_VALIDATE_H_

#include <string>
#include <vector>

#include "service/config/config.pb.h"
#include "service/config/setting_registry.h"

namespace evalrun::config {

// Appends one line for each thing that is wrong: bounds and formats as the schema states them, then
// what several settings must be together. Each names the key, the value (credentials masked), where
// it came from, and what is allowed. Nothing is appended for a configuration that may be run with.
void Validate(const v1::GatewayConfig& config, const Sources& sources,
              std::vector<std::string>* errors);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_VALIDATE_H_
