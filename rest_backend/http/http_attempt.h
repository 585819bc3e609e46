// SPDX-License-Identifier: Apache-2.0
//
// File: http_attempt.h
//
// One request to the upstream and its observer, and the options that all requests share.
#ifndef EVALRUN_REST_BACKEND_HTTP_HTTP_ATTEMPT_H_
#define EVALRUN_REST_BACKEND_HTTP_HTTP_ATTEMPT_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/dns/background_resolver.h"

namespace evalrun::http {

class ClientTls;

struct HttpClientOptions {
  // `http://host:port` or `https://host[:port]`, without a path.
  std::string origin;
  // Header lines sent with every request, such as `User-Agent: x/1`.
  std::vector<std::string> headers;
  std::string proxy;  // empty: none, whatever the environment says
  std::chrono::milliseconds connect_timeout{2000};
  // Connections kept for later requests; beyond them, a connection is closed when its request is
  // finished.
  std::size_t max_idle_connections = 2048;
  std::chrono::seconds idle_connection_age{15};   // an older idle connection is closed
  std::chrono::seconds connection_lifetime{300};  // an older connection is not used again
  // How long the addresses of the upstream's name, or of its proxy's, are used before they are
  // looked up again.
  std::chrono::seconds dns_cache_time{30};
  // Called on a thread of its own, which may outlive the client.
  dns::BackgroundResolver::LookUpFunction look_up = dns::LookUp;
  // Called by RunReady() after each lookup, with what is now known of `name`.
  std::function<void(const std::string& name, const dns::Resolution& resolution)> on_lookup =
      nullptr;
  // How long sent bytes may stay unacknowledged before the connection is lost; 0: the kernel
  // decides.
  std::chrono::milliseconds tcp_user_timeout{5000};
  std::size_t max_response_bytes = 65536;  // of the body; kMaxHeaderBytes is that of the header
  // The CA certificates of an https upstream, and our client certificate; nullptr: those of the
  // system, and none. Outlives the client.
  const ClientTls* tls = nullptr;
};

// The largest header of a response, in bytes. With a larger one the attempt fails.
inline constexpr std::size_t kMaxHeaderBytes = std::size_t{64} << 10;

enum class Method { kDelete, kGet };

// One request without a body. What it refers to is copied or used before Send() returns, except for
// `headers`.
struct AttemptRequest {
  Method method = Method::kDelete;
  const char* target = nullptr;  // path and query, well-formed
  // Further header lines; valid until the attempt is finished.
  std::span<const char* const> headers;
  std::chrono::milliseconds timeout{0};  // for everything, connecting included; at least 1 ms
  // How much later libcurl's own timer ends the attempt, which may be late by tens of milliseconds:
  // for a caller that calls HttpClient::Expire() when the time is up.
  std::chrono::milliseconds timeout_grace{0};
  // Do not reuse a connection: the last one turned out to be lost.
  bool fresh_connection = false;
};

class AttemptObserver {
 public:
  // The attempt is finished. The views in `result` are valid during this call only. May call
  // Send().
  virtual void OnAttemptDone(const deletion::AttemptResult& result) = 0;

 protected:
  ~AttemptObserver() = default;
};

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_HTTP_ATTEMPT_H_
