// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/faults/scripted_response.h"

#include "rest_backend/server/text.h"

namespace evalrun::backend {
namespace {

const std::string* FindHeader(const ScriptedResponse& response, std::string_view lower_case_name) {
  for (const auto& [name, value] : response.headers) {
    if (LowerCase(name) == lower_case_name) return &value;
  }
  return nullptr;
}

// RFC 9110, 6.4.1 and 8.6.
bool AllowsContentLength(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace

bool IsSingleLineHeaderValue(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

std::string SerializeResponse(const ScriptedResponse& response) {
  std::string bytes = Concat("HTTP/1.1 ", std::to_string(response.status), " Scripted\r\n");
  for (const auto& [name, value] : response.headers) bytes += Concat(name, ": ", value, "\r\n");
  if (AllowsContentLength(response.status) && FindHeader(response, "content-length") == nullptr &&
      FindHeader(response, "transfer-encoding") == nullptr) {
    bytes += Concat("Content-Length: ", std::to_string(response.body.size()), "\r\n");
  }
  return bytes + "\r\n" + response.body;
}

bool HasConnectionClose(const ScriptedResponse& response) {
  const std::string* connection = FindHeader(response, "connection");
  return connection != nullptr && LowerCase(*connection) == "close";
}

}  // namespace evalrun::backend
