// SPDX-License-Identifier: Apache-2.0
//
// File: endpoint.h
//
// The host that connections are made to: the upstream's, or its proxy's.
#ifndef EVALRUN_REST_BACKEND_HTTP_ENDPOINT_H_
#define EVALRUN_REST_BACKEND_HTTP_ENDPOINT_H_

#include <string>
#include <vector>

namespace evalrun::http {

struct Endpoint {
  std::string host;  // an IPv6 address without brackets; empty: the URL is malformed
  int port = 0;

  bool operator==(const Endpoint&) const = default;
};

// Of `http://host:port` or `https://host[:port]`.
[[nodiscard]] Endpoint ParseOrigin(const std::string& origin);

// Of `http://[user:password@]host[:port]`, or https. Without a port it is the one that libcurl
// takes for a proxy.
[[nodiscard]] Endpoint ParseProxy(const std::string& proxy);

// `host:port:address,address`, as CURLOPT_RESOLVE takes it: libcurl then uses these addresses until
// they are replaced. `addresses` are numeric, without brackets.
[[nodiscard]] std::string MakeResolveEntry(const Endpoint& endpoint,
                                           const std::vector<std::string>& addresses);

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_ENDPOINT_H_
