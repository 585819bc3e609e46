// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/api_error.h"

#include <utility>

#include "rest_backend/server/log.h"
#include "rest_backend/server/text.h"

namespace evalrun::backend {

ApiError InvalidRequest(std::string message) {
  return {.status = 400, .code = "validation.invalid_request", .message = std::move(message)};
}

ApiError InvalidField(std::string_view field, std::string_view must_be) {
  return {.status = 422,
          .code = "validation.invalid_format",
          .message = Concat("`", field, "` must be ", must_be),
          .details = {{"field", field}}};
}

ApiError InvalidKey(std::string message) {
  return {.status = 401, .code = "auth.invalid_key", .message = std::move(message)};
}

ApiError ExpiredKey() {
  return {.status = 401, .code = "auth.expired_key", .message = "this API key has expired"};
}

ApiError InsufficientPermissions(std::string_view right) {
  return {.status = 403,
          .code = "auth.insufficient_permissions",
          .message = Concat("this API key may not ", right)};
}

ApiError NotFound() {
  return {.status = 404,
          .code = "resource.not_found",
          .message = "the organization is missing or the eval run is not found"};
}

ApiError Conflict(std::string message) {
  return {.status = 409, .code = "resource.conflict", .message = std::move(message)};
}

ApiError QuotaExceeded(std::chrono::seconds retry_after) {
  return {.status = 429,
          .code = "quota.limit_exceeded",
          .message = "this API key has used up its requests of this minute",
          .retry_after = retry_after};
}

ApiError Draining() {
  return {.status = 503,
          .code = "server.unavailable",
          .message = "the server is shutting down; nothing was done"};
}

ApiError InternalError(const absl::Status& status) {
  Log(LogLevel::kError, "internal_error", {{"error", std::string(status.message())}});
  return {.status = 500,
          .code = "server.internal_error",
          .message = "the request could not be completed"};
}

std::string ErrorBody(const ApiError& error, std::string_view request_id) {
  const nlohmann::ordered_json body = {
      {"error", {{"code", error.code}, {"message", error.message}, {"details", error.details}}},
      {"request_id", request_id}};
  // A message may quote the request, which may contain invalid UTF-8.
  return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace evalrun::backend
