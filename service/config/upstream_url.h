// SPDX-License-Identifier: Apache-2.0
//
// File: upstream_url.h
//
// Parses the base URL of the REST API. Strict on purpose: a form that is rejected here cannot
// appear in a request.
#ifndef EVALRUN_SERVICE_CONFIG_UPSTREAM_URL_H_
#define EVALRUN_SERVICE_CONFIG_UPSTREAM_URL_H_

#include <cstdint>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace evalrun::config {

struct UpstreamUrl {
  std::string scheme;      // `http` or `https`
  std::string host;        // in lower case; an IPv6 address without brackets
  std::uint16_t port = 0;  // never 0; the scheme's own where the URL has none
  std::string base_path;   // empty, or `/v2`: begins with a slash and does not end with one

  // `https://api.aymara.ai`, `http://[::1]:8080`: without the path, and with the port only where it
  // is not the scheme's own.
  [[nodiscard]] std::string Origin() const;

  bool operator==(const UpstreamUrl&) const = default;
};

// Parses `https://api.aymara.ai/v2`. Rejects other schemes, user and password, query,
// fragment, empty and dot segments (`%2e` too) and every character that RFC 3986 does not allow. An
// error's message says what is allowed, without repeating `text`. Pure.
[[nodiscard]] absl::StatusOr<UpstreamUrl> ParseUpstreamUrl(std::string_view text);

// OK for empty text and for `http://[USER:PASSWORD@]HOST[:PORT]`, http or https, without a path.
// Otherwise as above.
[[nodiscard]] absl::Status CheckProxyUrl(std::string_view text);

// `text` with possible credentials (everything before the last `@` except the scheme) as `****`.
[[nodiscard]] std::string MaskCredentials(std::string_view text);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_UPSTREAM_URL_H_
