// SPDX-License-Identifier: Apache-2.0
//
// File: query.h
//
// Reads the API's query parameters and checks their types. Errors name the parameter as
// `query.<name>`: 422 for an invalid value, 400 if the parameter occurs more than once.
#ifndef EVALRUN_REST_BACKEND_SERVER_QUERY_H_
#define EVALRUN_REST_BACKEND_SERVER_QUERY_H_

#include <cstdint>
#include <optional>
#include <string>

#include <httplib.h>

#include "rest_backend/server/api_error.h"

namespace evalrun::backend {

// nullopt: the parameter is absent. The id is in canonical form.
[[nodiscard]] OrError<std::optional<std::string>> QueryId(const httplib::Request& request,
                                                          const char* name);
// `fallback` if the parameter is absent.
[[nodiscard]] OrError<std::int64_t> QueryInteger(const httplib::Request& request, const char* name,
                                                 std::int64_t min_value, std::int64_t max_value,
                                                 std::int64_t fallback);
// `true` or `false` in any case, `1` or `0`; false if the parameter is absent.
[[nodiscard]] OrError<bool> QueryBool(const httplib::Request& request, const char* name);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_QUERY_H_
