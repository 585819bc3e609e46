// SPDX-License-Identifier: Apache-2.0
//
// File: http_framing.h
//
// Processing of a request between cpp-httplib's parsing of its head and the handler.
#ifndef EVALRUN_REST_BACKEND_SERVER_HTTP_FRAMING_H_
#define EVALRUN_REST_BACKEND_SERVER_HTTP_FRAMING_H_

#include <string>
#include <string_view>

#include <httplib.h>

namespace evalrun::backend {

// To be called when the head has been parsed, before the library decides how to read the body:
// - sets the request's id: its own `x-request-id` if that is 1 to 128 of A-Z a-z 0-9 . _ -,
//   otherwise a new one;
// - removes headers that the library would apply although this API ignores them: `Range`, and
//   `Content-Type`, which would turn form fields into query parameters;
// - reduces a target in absolute form to its path;
// - makes the library recognize `Expect` of HTTP/1.1 in any letter case, and removes it from
//   HTTP/1.0;
// - gives a request without a body length an empty body (the library would read until the
//   connection ends), and makes the library read the body of a chunked DELETE (it would parse it as
//   the next request).
void PrepareRequest(httplib::Request& request);

// The id that PrepareRequest() has set.
[[nodiscard]] std::string RequestId(const httplib::Request& request);

// Returns why the end of a prepared request, and so the start of the next one, is ambiguous, or why
// it does not name exactly one host; empty if neither applies. Such a request gets 400, and its
// connection is closed.
[[nodiscard]] std::string_view FramingError(const httplib::Request& request);

// Whether a body follows the head.
[[nodiscard]] bool HasBody(const httplib::Request& request);

// Whether the client expects the connection to be closed after this response.
[[nodiscard]] bool RequestsClose(const httplib::Request& request);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_HTTP_FRAMING_H_
