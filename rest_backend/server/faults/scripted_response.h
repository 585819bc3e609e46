// SPDX-License-Identifier: Apache-2.0
//
// File: scripted_response.h
//
// An HTTP response that a fault script specifies, and its serialization.
#ifndef EVALRUN_REST_BACKEND_SERVER_FAULTS_SCRIPTED_RESPONSE_H_
#define EVALRUN_REST_BACKEND_SERVER_FAULTS_SCRIPTED_RESPONSE_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace evalrun::backend {

struct ScriptedResponse {
  int status = 0;                                            // three digits
  std::vector<std::pair<std::string, std::string>> headers;  // as in the script
  std::string body;
};

// Whether `value` fits on one header line.
[[nodiscard]] bool IsSingleLineHeaderValue(std::string_view value);

// Adds only the status line and, unless the script has its own or the status forbids it,
// `Content-Length`: responses of an ingress have no `x-request-id` either.
[[nodiscard]] std::string SerializeResponse(const ScriptedResponse& response);

// Whether the headers contain `Connection: close`.
[[nodiscard]] bool HasConnectionClose(const ScriptedResponse& response);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FAULTS_SCRIPTED_RESPONSE_H_
