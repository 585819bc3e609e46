// SPDX-License-Identifier: Apache-2.0

#include "tests/integration/gateway/upstream_cases.h"

#include <ostream>

#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using namespace std::chrono_literals;
using grpc::StatusCode;

constexpr char kHtml[] = "<html><head><title>Error</title></head><body>Bad Gateway</body></html>";

std::function<Script()> Replies(std::string bytes) {
  return [bytes = std::move(bytes)] { return Respond(bytes); };
}

std::function<Script()> ApiErrorWith(int status, const char* code, const char* headers = "") {
  return Replies(ApiErrorReply(status, code, headers));
}

std::string Cut(const std::string& reply) { return reply.substr(0, reply.size() - 20); }

UpstreamCase Ok(std::string name, std::function<Script()> script) {
  return {.name = std::move(name), .script = std::move(script)};
}

// An error of the API itself: `api_code` is its `error.code`.
UpstreamCase Api(std::string name, int status, const char* api_code, StatusCode code,
                 std::string deletion, std::string reason) {
  return {.name = std::move(name),
          .script = ApiErrorWith(status, api_code),
          .code = code,
          .deletion = std::move(deletion),
          .reason = std::move(reason),
          .is_api_error = true,
          .http_status = status};
}

// A response that is not from the API.
UpstreamCase Unexpected(std::string name, int status, std::function<Script()> script,
                        StatusCode code, std::string deletion, std::string reason = "") {
  return {.name = std::move(name),
          .script = std::move(script),
          .code = code,
          .deletion = std::move(deletion),
          .reason = std::move(reason),
          .http_status = status};
}

UpstreamCase Retried(UpstreamCase upstream_case, int attempts = 3) {
  upstream_case.attempts = attempts;
  return upstream_case;
}

std::vector<UpstreamCase> ApiErrors() {
  std::vector<UpstreamCase> cases = {
      Api("Api400", 400, "invalid_request", StatusCode::INVALID_ARGUMENT, "not_performed",
          "INVALID_REQUEST"),
      Api("Api401", 401, "unauthorized", StatusCode::UNAUTHENTICATED, "not_performed",
          "UNAUTHORIZED"),
      Api("Api403", 403, "forbidden", StatusCode::PERMISSION_DENIED, "not_performed", "FORBIDDEN"),
      Api("Api404", 404, "not_found", StatusCode::NOT_FOUND, "absent", "NOT_FOUND"),
      Api("Api409", 409, "conflict", StatusCode::ABORTED, "not_performed", "CONFLICT"),
      Api("Api410", 410, "gone", StatusCode::NOT_FOUND, "absent", "GONE"),
      Api("Api422", 422, "unprocessable", StatusCode::INVALID_ARGUMENT, "not_performed",
          "UNPROCESSABLE"),
      Api("Api429", 429, "rate_limited", StatusCode::RESOURCE_EXHAUSTED, "not_performed",
          "RATE_LIMITED"),
      Retried(Api("Api500", 500, "internal", StatusCode::INTERNAL, "unknown", "INTERNAL")),
      Retried(Api("Api503", 503, "unavailable", StatusCode::UNAVAILABLE, "not_performed",
                  "UNAVAILABLE")),
  };
  UpstreamCase seconds = Api("Api429WithRetryAfterSeconds", 429, "rate_limited",
                             StatusCode::RESOURCE_EXHAUSTED, "not_performed", "RATE_LIMITED");
  seconds.script = ApiErrorWith(429, "rate_limited", "retry-after: 7\r\n");
  cases.push_back(seconds);
  UpstreamCase date = seconds;
  date.name = "Api429WithRetryAfterDate";
  date.script = ApiErrorWith(429, "rate_limited", "retry-after: Wed, 21 Oct 2099 07:28:00 GMT\r\n");
  cases.push_back(date);
  UpstreamCase control = Api("Api404WithControlCharacters", 404, "not_found", StatusCode::NOT_FOUND,
                             "absent", "NOT_FOUND");
  control.script = Replies(HttpReply(
      404, ApiError("not_found", "tab\\there, newline\\nthere, \xc3\xbcml\xc3\xa4ut, 100%")));
  cases.push_back(control);
  UpstreamCase not_utf8 = control;
  not_utf8.name = "Api404NotUtf8";
  not_utf8.script = Replies(HttpReply(404, ApiError("not_found", "caf\xe9 \xff bad utf-8")));
  cases.push_back(not_utf8);
  UpstreamCase large =
      Retried(Api("Api500Of10KiB", 500, "internal", StatusCode::INTERNAL, "unknown", "INTERNAL"));
  large.script = Replies(HttpReply(500, ApiError("internal", std::string(10240, 'm'))));
  cases.push_back(large);
  return cases;
}

std::vector<UpstreamCase> StrangeResponses() {
  return {
      Unexpected("Text418", 418, Replies(HttpReply(418, "teapot", "text/plain")),
                 StatusCode::INTERNAL, "not_performed"),
      Retried(Unexpected("Html502", 502, Replies(HttpReply(502, kHtml, "text/html")),
                         StatusCode::UNAVAILABLE, "unknown")),
      Retried(Unexpected("Html503", 503, Replies(HttpReply(503, kHtml, "text/html")),
                         StatusCode::UNAVAILABLE, "unknown")),
      Retried(Unexpected("Html504", 504, Replies(HttpReply(504, kHtml, "text/html")),
                         StatusCode::DEADLINE_EXCEEDED, "unknown")),
      Unexpected("Html404", 404, Replies(HttpReply(404, kHtml, "text/html")),
                 StatusCode::UNAVAILABLE, "not_performed", "UPSTREAM_UNRECOGNIZED_404"),
      Unexpected("Framework404", 404, Replies(HttpReply(404, R"({"detail":"Not Found"})")),
                 StatusCode::UNAVAILABLE, "not_performed", "UPSTREAM_UNRECOGNIZED_404"),
      Unexpected("Json400CutShort", 400,
                 Replies(HttpReply(400, R"({"error":{"code":"invalid_request","mess)")),
                 StatusCode::INVALID_ARGUMENT, "not_performed"),
      Unexpected("Json400ButAnArray", 400, Replies(HttpReply(400, R"(["not","an","object"])")),
                 StatusCode::INVALID_ARGUMENT, "not_performed"),
      Retried(Unexpected("Api500Of1MiB", 500,
                         Replies(HttpReply(500, ApiError("internal", std::string(1 << 20, 'm')))),
                         StatusCode::INTERNAL, "unknown")),
      Unexpected(
          "Api404Truncated", 404,
          [] { return RespondAndClose(Cut(ApiErrorReply(404, "not_found"))); },
          StatusCode::UNAVAILABLE, "not_performed", "UPSTREAM_UNRECOGNIZED_404"),
      Retried(Unexpected(
          "Api503BodyStalls", 503,
          [] { return RespondAndStall(Cut(ApiErrorReply(503, "unavailable"))); },
          StatusCode::UNAVAILABLE, "unknown")),
      Retried(Unexpected(
          "Json500Drips", 500,
          [] {
            return RespondAndDrip("HTTP/1.1 500 X\r\n",
                                  "content-type: application/json\r\ncontent-length: 1000\r\n\r\n" +
                                      std::string(1000, 'x'),
                                  20ms);
          },
          StatusCode::INTERNAL, "unknown")),
      Unexpected("Redirect301", 301,
                 Replies(HttpReply(301, "", "", "location: /v2/eval-runs/elsewhere\r\n")),
                 StatusCode::INTERNAL, "not_performed", "UPSTREAM_UNEXPECTED_REDIRECT"),
      Unexpected("Text200", 200, Replies(HttpReply(200, "OK", "text/plain")), StatusCode::UNKNOWN,
                 "unknown", "UPSTREAM_UNEXPECTED_RESPONSE"),
      Unexpected("Html200", 200, Replies(HttpReply(200, "<html>Sign in</html>", "text/html")),
                 StatusCode::UNKNOWN, "unknown", "UPSTREAM_UNEXPECTED_RESPONSE"),
      Unexpected(
          "Api200Truncated", 200,
          [] { return RespondAndClose(Cut(ApiErrorReply(200, "server.internal_error"))); },
          StatusCode::UNKNOWN, "unknown", "UPSTREAM_UNEXPECTED_RESPONSE"),
      Unexpected("Json202", 202, Replies(HttpReply(202, R"({"status":"deleting"})")),
                 StatusCode::UNKNOWN, "unknown", "UPSTREAM_UNEXPECTED_RESPONSE"),
  };
}

std::vector<UpstreamCase> Successes() {
  return {
      Ok("NoContent204", Replies(HttpReply(204))),
      Ok("Json200WithFields", Replies(HttpReply(200, R"({"deleted":true,"eval_run_uuid":"x"})"))),
      Ok("Json200WithBracesOnly", Replies(HttpReply(200, "{}"))),
      Ok("Empty200", Replies(HttpReply(200, ""))),
      // The status line has arrived, and it decides.
      Ok("NoContent204WithHalfItsHeaders",
         [] { return RespondAndClose("HTTP/1.1 204 X\r\ndate: "); }),
      Ok("Json200Truncated",
         [] {
           const std::string body = R"({"deleted":true,"pad":")" + std::string(100, 'x') + "\"}";
           return RespondAndClose(Cut(HttpReply(200, body)));
         }),
  };
}

std::vector<UpstreamCase> NoResponses() {
  const auto none = [](std::string name, std::function<Script()> script) {
    return Retried(
        Unexpected(std::move(name), 0, std::move(script), StatusCode::UNAVAILABLE, "unknown"));
  };
  std::vector<UpstreamCase> cases = {
      none("NotHttp",
           [] { return RespondAndClose(std::string("\0\x01 this is not HTTP\r\n\r\n", 23)); }),
      none("ClosedBeforeAnyResponse", [] { return CloseWithoutResponse(); }),
      none("ResetBeforeAnyResponse", [] { return ResetWithoutResponse(); }),
      none("ClosedInTheStatusLine", [] { return RespondAndClose("HTTP/1."); }),
      none("NeverResponses", [] { return Hang(); }),
  };
  cases.back().code = StatusCode::DEADLINE_EXCEEDED;
  for (const auto& [name, script] :
       {std::pair("ClosedBeforeAnyResponseOnAReusedConnection", CloseWithoutResponse()),
        std::pair("ResetBeforeAnyResponseOnAReusedConnection", ResetWithoutResponse())}) {
    UpstreamCase reused = none(name, [script = script] {
      return ByPositionOnConnection({Respond(HttpReply(204)), script});
    });
    reused.on_reused_connection = true;
    reused.attempts = 2;
    reused.eventually_succeeds = true;
    cases.push_back(std::move(reused));
  }
  return cases;
}

}  // namespace

std::vector<UpstreamCase> UpstreamCases() {
  std::vector<UpstreamCase> all;
  for (const auto& part : {Successes(), ApiErrors(), StrangeResponses(), NoResponses()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

void PrintTo(const UpstreamCase& upstream_case, std::ostream* os) { *os << upstream_case.name; }

}  // namespace evalrun::testing
