// SPDX-License-Identifier: Apache-2.0
//
// File: scripts.h
//
// Building blocks for the scripts of a scripted upstream.
#ifndef EVALRUN_TESTS_SUPPORT_SCRIPTS_H_
#define EVALRUN_TESTS_SUPPORT_SCRIPTS_H_

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/scripted_upstream.h"

namespace evalrun::testing {

// A complete response with a Content-Length. `extra_headers` are complete lines with CRLF.
std::string HttpReply(int status, std::string_view body = "",
                      std::string_view content_type = "application/json",
                      std::string_view extra_headers = "");

// The API's error object, as the vendor documents it.
std::string ApiError(std::string_view code, std::string_view message,
                     std::string_view request_id = "req-1", std::string_view details = "{}");
// A response with this error object.
std::string ApiErrorReply(int status, std::string_view code, std::string_view extra_headers = "");

// The API's list of eval runs, empty: the workspace exists.
std::string EmptyListReply();

// Sends these bytes, and keeps the connection.
Script Respond(std::string bytes);
// Sends these bytes, then closes the connection.
Script RespondAndClose(std::string bytes);
// Sends these bytes, then waits for the peer to close the connection.
Script RespondAndStall(std::string bytes);
// Sends these bytes one at a time.
Script RespondSlowly(std::string bytes, std::chrono::milliseconds pause);
// Sends `start` at once and the rest one byte at a time.
Script RespondAndDrip(std::string start, std::string rest, std::chrono::milliseconds pause);
// Sends these bytes when the latch is open. The latch must outlive the upstream.
Script RespondWhen(const Latch& latch, std::string bytes);
// Reads the request, then closes or resets the connection.
Script CloseWithoutResponse();
Script ResetWithoutResponse();
// Reads the request and never responds.
Script Hang();

// The first script handles the first request, and so on; the last one handles all further requests.
Script InOrder(std::vector<Script> scripts);
// Selects the script by the request's position on its connection; the last one handles all further
// requests.
Script ByPositionOnConnection(std::vector<Script> scripts);

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_SCRIPTS_H_
