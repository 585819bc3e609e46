// SPDX-License-Identifier: Apache-2.0
//
// File: api_error.h
//
// The API's errors: an HTTP status, a code, and a body of this shape:
//   {"error": {"code": "auth.invalid_key", "message": "...", "details": {}}, "request_id": "..."}
#ifndef EVALRUN_REST_BACKEND_SERVER_API_ERROR_H_
#define EVALRUN_REST_BACKEND_SERVER_API_ERROR_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <absl/status/status.h>
#include <nlohmann/json.hpp>

namespace evalrun::backend {

struct ApiError {
  int status = 500;
  std::string_view code;  // a string literal
  std::string message;
  nlohmann::json details = nlohmann::json::object();
  std::optional<std::chrono::seconds> retry_after = std::nullopt;
};

// The result of one step of handling a request, or the error that ends the request.
template <typename Result>
using OrError = std::variant<Result, ApiError>;

// 400: the request cannot be parsed.
[[nodiscard]] ApiError InvalidRequest(std::string message);
// 422: `field`, a dotted path such as `query.limit`, has an invalid value. `must_be` completes the
// sentence "`field` must be ...".
[[nodiscard]] ApiError InvalidField(std::string_view field, std::string_view must_be);
// 401.
[[nodiscard]] ApiError InvalidKey(std::string message);
[[nodiscard]] ApiError ExpiredKey();
// 403. `right` completes the sentence "this API key may not ...".
[[nodiscard]] ApiError InsufficientPermissions(std::string_view right);
// 404. As with the vendor's API, nothing in it tells whether the organization, the workspace or the
// eval run is missing.
[[nodiscard]] ApiError NotFound();
// 409.
[[nodiscard]] ApiError Conflict(std::string message);
// 429, with `Retry-After`.
[[nodiscard]] ApiError QuotaExceeded(std::chrono::seconds retry_after);
// 503: the server is shutting down.
[[nodiscard]] ApiError Draining();
// 500. The details of `status` are for the log; the caller sees only a general message.
[[nodiscard]] ApiError InternalError(const absl::Status& status);

// The JSON text of the body.
[[nodiscard]] std::string ErrorBody(const ApiError& error, std::string_view request_id);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_API_ERROR_H_
