// SPDX-License-Identifier: Apache-2.0
//
// File: source_functions.h
//
// Where the admin port gets what it responds with.
#ifndef EVALRUN_SERVICE_ADMIN_SOURCE_FUNCTIONS_H_
#define EVALRUN_SERVICE_ADMIN_SOURCE_FUNCTIONS_H_

#include <functional>
#include <string>

namespace evalrun::admin {

// Each must be callable by several threads at once.
struct AdminSources {
  // The exposition in Prometheus' text format.
  std::function<std::string()> metrics;
  // Empty when the process works; otherwise why it should be restarted. Never waits.
  std::function<std::string()> unhealthy_reason;
  // Empty when calls are accepted; otherwise why not. Never waits.
  std::function<std::string()> not_ready_because;
  // The configuration in force, secrets masked.
  std::function<std::string()> config;
  // What the page shows (observability/status_json.h).
  std::function<std::string()> status_json;
  // `debug`, `info`, `warn`, `error`. Setting another one changes nothing and returns false.
  std::function<std::string()> log_level;
  std::function<bool(const std::string& level)> set_log_level;
};

}  // namespace evalrun::admin

#endif  // EVALRUN_SERVICE_ADMIN_SOURCE_FUNCTIONS_H_
