// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/http_framing.h"

#include <algorithm>
#include <cstddef>

#include "rest_backend/deletion/resource_id.h"
#include "rest_backend/server/text.h"
#include "rest_backend/server/unique_id.h"

namespace evalrun::backend {
namespace {

constexpr char kRequestId[] = "x-request-id";
constexpr char kLength[] = "Content-Length";
constexpr char kEncoding[] = "Transfer-Encoding";

bool IsLength(std::string_view text) {
  return !text.empty() && text.size() <= 18 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Zero may be written with several digits.
bool IsZero(std::string_view length) { return length.find_first_not_of('0') == length.npos; }

}  // namespace

void PrepareRequest(httplib::Request& request) {
  const std::string given = request.get_header_value(kRequestId);
  const bool honoured = request.get_header_value_count(kRequestId) == 1 &&
                        deletion::IsWellFormedId(given, deletion::IdFormat::kOpaque);
  request.headers.erase(kRequestId);
  request.headers.emplace(kRequestId, honoured ? given : NewUuid());

  request.ranges.clear();
  request.headers.erase("Content-Type");

  const std::string expectation = LowerCase(request.get_header_value("Expect"));
  request.headers.erase("Expect");
  if (request.version != "HTTP/1.0" && !expectation.empty()) {
    request.headers.emplace("Expect", expectation);
  }

  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!request.path.starts_with(scheme)) continue;
    const std::size_t path = request.path.find('/', scheme.size());
    request.path = path == std::string::npos ? "/" : request.path.substr(path);
  }

  const bool chunked = request.has_header(kEncoding);
  if (!request.has_header(kLength) && (!chunked || request.method == "DELETE")) {
    request.headers.emplace(kLength, "0");
  }
}

std::string RequestId(const httplib::Request& request) {
  return request.get_header_value(kRequestId);
}

std::string_view FramingError(const httplib::Request& request) {
  if (request.version == "HTTP/1.1" && request.get_header_value_count("Host") != 1) {
    return "HTTP/1.1 needs one Host header";
  }
  // The library would take `Content-Length : 5` for another header, and the body for the next
  // request.
  if (!std::ranges::all_of(request.headers,
                           [](const auto& header) { return IsToken(header.first); })) {
    return "a header's name has characters that no name has";
  }
  const auto [first, last] = request.headers.equal_range(kLength);
  for (auto length = first; length != last; ++length) {
    if (!IsLength(length->second) || length->second != first->second) {
      return "Content-Length is not one number";
    }
  }
  if (!request.has_header(kEncoding)) return {};
  if (request.get_header_value_count(kEncoding) != 1 ||
      LowerCase(request.get_header_value(kEncoding)) != "chunked") {
    return "Transfer-Encoding is not chunked";
  }
  const bool both = first != last && !IsZero(first->second);
  return both ? "Content-Length and Transfer-Encoding are both given" : std::string_view();
}

bool HasBody(const httplib::Request& request) {
  return request.has_header(kEncoding) || !IsZero(request.get_header_value(kLength));
}

bool RequestsClose(const httplib::Request& request) {
  return request.version == "HTTP/1.0" ||
         LowerCase(request.get_header_value("Connection")).find("close") != std::string::npos;
}

}  // namespace evalrun::backend
