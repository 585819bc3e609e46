// SPDX-License-Identifier: Apache-2.0
//
// File: log.h
//
// The backend's log: one JSON object per line on stdout. It never contains API keys; a key is
// identified by its `name`.
#ifndef EVALRUN_REST_BACKEND_SERVER_LOG_H_
#define EVALRUN_REST_BACKEND_SERVER_LOG_H_

#include <string_view>

#include <nlohmann/json.hpp>

namespace evalrun::backend {

enum class LogLevel { kInfo, kError };

// Writes `{"time", "level", "event", ...fields}` and flushes. `fields` is an object. Thread-safe;
// invalid UTF-8 is replaced.
void Log(LogLevel level, std::string_view event, const nlohmann::json& fields);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_LOG_H_
