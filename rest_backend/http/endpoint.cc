// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/http/endpoint.h"

#include <memory>
#include <new>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <curl/curl.h>

namespace evalrun::http {
namespace {

// libcurl's own for a proxy without one; there is no name for it in its headers.
constexpr const char* kDefaultProxyPort = "1080";

// Empty when `part` is not there.
std::string GetPart(CURLU* url, CURLUPart part, unsigned int flags) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
  return text;
}

Endpoint Parse(const std::string& text, bool is_http_proxy) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (url == nullptr) throw std::bad_alloc();
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return {};
  Endpoint endpoint{.host = GetPart(url.get(), CURLUPART_HOST, 0)};
  if (endpoint.host.size() > 2 && endpoint.host.front() == '[') {
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  }
  std::string port = GetPart(url.get(), CURLUPART_PORT, is_http_proxy ? 0 : CURLU_DEFAULT_PORT);
  if (port.empty()) port = kDefaultProxyPort;
  // libcurl has checked it.
  if (!absl::SimpleAtoi(port, &endpoint.port)) return {};
  return endpoint;
}

}  // namespace

Endpoint ParseOrigin(const std::string& origin) { return Parse(origin, false); }

Endpoint ParseProxy(const std::string& proxy) {
  return Parse(proxy, absl::StartsWithIgnoreCase(proxy, "http:"));
}

std::string MakeResolveEntry(const Endpoint& endpoint, const std::vector<std::string>& addresses) {
  std::string entry = absl::StrCat(endpoint.host, ":", endpoint.port, ":");
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const bool is_ipv6 = addresses[i].find(':') != std::string::npos;
    absl::StrAppend(&entry, i == 0 ? "" : ",", is_ipv6 ? "[" : "", addresses[i],
                    is_ipv6 ? "]" : "");
  }
  return entry;
}

}  // namespace evalrun::http
