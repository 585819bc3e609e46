// SPDX-License-Identifier: Apache-2.0

#include "tests/support/scripts.h"

#include <algorithm>
#include <utility>

namespace evalrun::testing {

std::string HttpReply(int status, std::string_view body, std::string_view content_type,
                      std::string_view extra_headers) {
  std::string reply = "HTTP/1.1 " + std::to_string(status) + " Scripted\r\n";
  if (status != 204 && status != 304) {
    if (!content_type.empty()) reply.append("content-type: ").append(content_type).append("\r\n");
    reply += "content-length: " + std::to_string(body.size()) + "\r\n";
  }
  return reply.append(extra_headers).append("\r\n").append(body);
}

std::string ApiError(std::string_view code, std::string_view message, std::string_view request_id,
                     std::string_view details) {
  std::string body = R"({"error": {"code": ")";
  body.append(code).append(R"(", "message": ")").append(message);
  body.append(R"(", "details": )").append(details);
  return body.append(R"(}, "request_id": ")").append(request_id).append("\"}");
}

std::string ApiErrorReply(int status, std::string_view code, std::string_view extra_headers) {
  const std::string message = "fixed " + std::to_string(status) + " response";
  const std::string request_id = "req-" + std::to_string(status);
  return HttpReply(status, ApiError(code, message, request_id), "application/json", extra_headers);
}

std::string EmptyListReply() { return HttpReply(200, R"({"items": [], "count": 0})"); }

Script Respond(std::string bytes) {
  return [bytes = std::move(bytes)](const ReceivedRequest&, UpstreamConnection& connection) {
    connection.Write(bytes);
  };
}

Script RespondAndClose(std::string bytes) {
  return [bytes = std::move(bytes)](const ReceivedRequest&, UpstreamConnection& connection) {
    connection.Write(bytes);
    connection.Close();
  };
}

Script RespondAndStall(std::string bytes) {
  return [bytes = std::move(bytes)](const ReceivedRequest&, UpstreamConnection& connection) {
    connection.Write(bytes);
    connection.WaitForPeerToClose();
    connection.Close();
  };
}

Script RespondSlowly(std::string bytes, std::chrono::milliseconds pause) {
  return [bytes = std::move(bytes), pause](const ReceivedRequest&, UpstreamConnection& connection) {
    if (!connection.WriteSlowly(bytes, pause)) connection.Close();
  };
}

Script RespondAndDrip(std::string start, std::string rest, std::chrono::milliseconds pause) {
  return [start = std::move(start), drip = RespondSlowly(std::move(rest), pause)](
             const ReceivedRequest& request, UpstreamConnection& connection) {
    if (connection.Write(start)) drip(request, connection);
  };
}

Script RespondWhen(const Latch& latch, std::string bytes) {
  return
      [&latch, bytes = std::move(bytes)](const ReceivedRequest&, UpstreamConnection& connection) {
        if (connection.WaitFor(latch)) {
          connection.Write(bytes);
        } else {
          connection.Close();
        }
      };
}

Script CloseWithoutResponse() {
  return [](const ReceivedRequest&, UpstreamConnection& connection) { connection.Close(); };
}

Script ResetWithoutResponse() {
  return [](const ReceivedRequest&, UpstreamConnection& connection) { connection.Reset(); };
}

Script Hang() { return RespondAndStall(""); }

Script InOrder(std::vector<Script> scripts) {
  return [scripts = std::move(scripts)](const ReceivedRequest& request,
                                        UpstreamConnection& connection) {
    const auto index = std::min(static_cast<size_t>(request.order), scripts.size() - 1);
    scripts[index](request, connection);
  };
}

Script ByPositionOnConnection(std::vector<Script> scripts) {
  return [scripts = std::move(scripts)](const ReceivedRequest& request,
                                        UpstreamConnection& connection) {
    const auto index = std::min(static_cast<size_t>(request.nth_on_connection), scripts.size() - 1);
    scripts[index](request, connection);
  };
}

}  // namespace evalrun::testing
