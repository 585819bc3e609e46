// File: http_framing.h
//
// What cpp-httplib leaves undone between reading a request's head and handing it to a handler.
#ifndef EVALRUN_REST_BACKEND_SERVER_HTTP_FRAMING_H_
#define EVALRUN_REST_BACKEND_SERVER_HTTP_FRAMING_H_

#include <string>
#include <string_view>

#include <httplib.h>

namespace evalrun::backend {

// To be called once the head is there, before the library decides how to read the body:
// - gives the request an id: its own `x-request-id` where that is 1 to 128 of A-Z a-z 0-9 . _ -,
//   a new one otherwise;
// - drops what the library would apply although it means nothing for this API: `Range`, and
//   `Content-Type`, by which a form's fields would pass for query parameters;
// - cuts a target in absolute form to its path;
// - makes `Expect` of HTTP/1.1 known to the library in any case, and drops it from HTTP/1.0;
// - makes a request without any body length one with an empty body (the library reads on until the
//   connection ends), and a chunked DELETE one whose body is read (it would take it for the next
//   request).
void PrepareRequest(httplib::Request& request);

// The id that PrepareRequest left.
[[nodiscard]] std::string RequestId(const httplib::Request& request);

// What is wrong with a prepared request such that its end, and so the next request's beginning, is
// in doubt, or that it names no one host; empty when nothing is. Such a request gets 400 and its
// connection no further one.
[[nodiscard]] std::string_view FramingError(const httplib::Request& request);

// Whether a body follows the head.
[[nodiscard]] bool HasBody(const httplib::Request& request);

// Whether the client will take no further answer on this connection.
[[nodiscard]] bool RequestsClose(const httplib::Request& request);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_HTTP_FRAMING_H_
