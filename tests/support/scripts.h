// File: scripts.h
//
// Words for what a scripted upstream does.
#ifndef EVALRUN_TESTS_SUPPORT_SCRIPTS_H_
#define EVALRUN_TESTS_SUPPORT_SCRIPTS_H_

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/scripted_upstream.h"

namespace evalrun::testing {

// A whole answer with a Content-Length; `extra_headers` are complete lines with their CRLF.
std::string HttpReply(int status, std::string_view body = "",
                      std::string_view content_type = "application/json",
                      std::string_view extra_headers = "");

// The API's own error object, as the vendor's page shows it.
std::string ApiError(std::string_view code, std::string_view message,
                     std::string_view request_id = "req-1");
// An answer with it.
std::string ApiErrorReply(int status, std::string_view code, std::string_view extra_headers = "");

// Answers with these bytes, and keeps the connection.
Script Respond(std::string bytes);
// Answers with these bytes, then closes.
Script RespondAndClose(std::string bytes);
// Answers with these bytes, then waits for the peer to give up.
Script RespondAndStall(std::string bytes);
// Answers with these bytes, one at a time.
Script RespondSlowly(std::string bytes, std::chrono::milliseconds pause);
// Answers once the latch is open. The latch outlives the upstream.
Script RespondWhen(const Latch& latch, std::string bytes);
// Reads the request, then closes or resets the connection.
Script CloseWithoutResponse();
Script ResetWithoutResponse();
// Reads the request and never answers.
Script Hang();

// The first script for the first request, and so on; the last one for all that follow.
Script InOrder(std::vector<Script> scripts);
// By the position of the request on its connection; the last one for all that follow.
Script ByPositionOnConnection(std::vector<Script> scripts);

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_SCRIPTS_H_
