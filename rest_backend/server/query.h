// File: query.h
//
// The query parameters of the API, with their types checked. Each reader names the parameter as
// `query.<name>` in its error: 422 for a value that is not what it must be, 400 for more than one.
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
// `fallback` where the parameter is absent.
[[nodiscard]] OrError<std::int64_t> QueryInteger(const httplib::Request& request, const char* name,
                                                 std::int64_t min_value, std::int64_t max_value,
                                                 std::int64_t fallback);
// `true` or `false` in any case, `1` or `0`; false where the parameter is absent.
[[nodiscard]] OrError<bool> QueryBool(const httplib::Request& request, const char* name);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_QUERY_H_
