// File: scripted_response.h
//
// An HTTP answer that a fault script spells out, as bytes.
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

// Whether a header of this value is one line of a head.
[[nodiscard]] bool IsSingleLineHeaderValue(std::string_view value);

// Nothing is added but the status line and, where the script has none of its own and the status
// allows a body, `Content-Length`: an ingress' answer has no `x-request-id` either.
[[nodiscard]] std::string SerializeResponse(const ScriptedResponse& answer);

// Whether it says `Connection: close`.
[[nodiscard]] bool HasConnectionClose(const ScriptedResponse& answer);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FAULTS_SCRIPTED_RESPONSE_H_
