// SPDX-License-Identifier: Apache-2.0
//
// The head of a request as parsed by cpp-httplib: METHOD TARGET VERSION on the first line, then
// `Name: value` lines. If no framing error is reported, the end of the request is unambiguous.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <httplib.h>

#include "rest_backend/deletion/resource_id.h"
#include "rest_backend/server/http_framing.h"
#include "tests/fuzz/property.h"

namespace evalrun::fuzz {
namespace {

httplib::Request ParseRequest(std::string_view head) {
  httplib::Request request;
  std::string_view line = ConsumeUntil("\n", &head);
  request.method = ConsumeUntil(" ", &line);
  request.path = ConsumeUntil(" ", &line);
  request.version = line;
  while (!head.empty()) {
    std::string_view value = ConsumeUntil("\n", &head);
    const std::string_view name = ConsumeUntil(": ", &value);
    request.headers.emplace(name, value);
  }
  return request;
}

void CheckHead(std::string_view head) {
  httplib::Request request = ParseRequest(head);
  backend::PrepareRequest(request);
  Require(deletion::IsWellFormedId(backend::RequestId(request), deletion::IdFormat::kOpaque),
          "every request has an id that can be logged");
  Require(!request.has_header("Content-Type") && request.ranges.empty(),
          "what means nothing here is dropped");
  static_cast<void>(backend::RequestsClose(request));
  const bool has_body = backend::HasBody(request);
  if (!backend::FramingError(request).empty()) return;

  const std::string length = request.get_header_value("Content-Length");
  const bool chunked = request.has_header("Transfer-Encoding");
  Require(ConsistsOf(length, kDigits) && length.size() <= 18, "a length is a number");
  Require(!chunked || ConsistsOf(length, "0"), "a body has one way to end");
  Require(has_body == (chunked || ConsistsOf(length, "0") == false), "a length above 0 is a body");
  Require(request.version != "HTTP/1.1" || request.get_header_value_count("Host") == 1,
          "a request of HTTP/1.1 names one host");
}

}  // namespace
}  // namespace evalrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  evalrun::fuzz::CheckHead({reinterpret_cast<const char*>(data), size});
  return 0;
}
