// SPDX-License-Identifier: Apache-2.0

#include "service/config/upstream_url.h"

#include <cstddef>

#include <absl/strings/ascii.h>

#include "service/config/address.h"
#include "service/config/text.h"
#include "service/text/host_port.h"

namespace evalrun::config {
namespace {

absl::Status Must(std::string_view what) {
  return absl::InvalidArgumentError(Concat("must ", what));
}

std::uint16_t DefaultPort(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

bool Contains(std::string_view text, char c) { return text.find(c) != std::string_view::npos; }

bool IsHexDigit(char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); }

// RFC 3986's pchar: what one segment of a path may hold.
bool IsSegment(std::string_view segment) {
  for (std::size_t i = 0; i < segment.size(); ++i) {
    const char c = segment[i];
    if (c == '%') {
      if (segment.size() - i < 3 || !IsHexDigit(segment[i + 1]) || !IsHexDigit(segment[i + 2])) {
        return false;
      }
      i += 2;
    } else if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) &&
               !Contains("-._~!$&'()*+,;=:@", c)) {
      return false;
    }
  }
  return true;
}

bool IsDotSegment(std::string_view segment) {
  std::string decoded = absl::AsciiStrToLower(std::string(segment));
  for (std::size_t at = decoded.find("%2e"); at != std::string::npos; at = decoded.find("%2e")) {
    decoded.replace(at, 3, ".");
  }
  return decoded == "." || decoded == "..";
}

// Reads `/v2/` as `/v2`. `path` is empty or begins with a slash.
absl::StatusOr<std::string> ParseBasePath(std::string_view path) {
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return std::string();
  // Each segment begins with its slash.
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view segment = rest.substr(1, rest.find('/', 1) - 1);
    rest.remove_prefix(segment.size() + 1);
    if (segment.empty()) return Must("have no empty segment (//) in its path");
    if (IsDotSegment(segment)) return Must("have no . or .. in its path");
    if (!IsSegment(segment)) {
      return Must("have only characters of RFC 3986 in its path; write others as %XX");
    }
  }
  return std::string(path);
}

// Reads `host`, `host:8080`, `[::1]:8080` into `url`, whose scheme is set.
absl::Status ParseAuthority(std::string_view authority, UpstreamUrl* url) {
  std::string_view host = authority;
  std::string_view port;
  const std::size_t colon = authority.rfind(':');
  const std::size_t bracket = authority.rfind(']');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  if (has_port) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
  }
  if (host.empty()) return Must("name a host");
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (!IsIpv6Address(host)) return Must("have an IPv6 address in its brackets");
  } else if (!IsHostName(host)) {
    return Must(
        "have a host of letters, digits, `-`, `_` and dots, or an IPv6 address in brackets");
  }
  url->host = absl::AsciiStrToLower(std::string(host));
  url->port = DefaultPort(url->scheme);
  if (has_port) {
    url->port = text::ParsePort(port).value_or(0);
    if (url->port == 0) return Must("have a port from 1 to 65535");
  }
  return absl::OkStatus();
}

}  // namespace

std::string UpstreamUrl::Origin() const {
  const bool is_ipv6 = Contains(host, ':');
  std::string origin = is_ipv6 ? Concat(scheme, "://[", host, "]") : Concat(scheme, "://", host);
  if (port != DefaultPort(scheme)) Append(&origin, ":", port);
  return origin;
}

absl::StatusOr<UpstreamUrl> ParseUpstreamUrl(std::string_view text) {
  const std::size_t separator = text.find("://");
  UpstreamUrl url;
  if (separator != std::string_view::npos) {
    url.scheme = absl::AsciiStrToLower(std::string(text.substr(0, separator)));
  }
  if (url.scheme != "http" && url.scheme != "https") return Must("begin with http:// or https://");
  const std::string_view rest = text.substr(separator + 3);
  if (Contains(rest, '?')) return Must("have no query (?)");
  if (Contains(rest, '#')) return Must("have no fragment (#)");
  const std::size_t slash = rest.find('/');
  const std::string_view authority = rest.substr(0, slash);
  if (Contains(authority, '@')) return Must("have no user or password (@)");
  if (absl::Status status = ParseAuthority(authority, &url); !status.ok()) return status;
  const std::string_view path = slash == std::string_view::npos ? "" : rest.substr(slash);
  absl::StatusOr<std::string> base_path = ParseBasePath(path);
  if (!base_path.ok()) return base_path.status();
  url.base_path = *std::move(base_path);
  return url;
}

absl::Status CheckProxyUrl(std::string_view text) {
  if (text.empty()) return absl::OkStatus();
  std::string without_credentials(text);
  const std::size_t separator = text.find("://");
  const std::size_t at = text.rfind('@');
  if (separator != std::string_view::npos && at != std::string_view::npos && at > separator) {
    const std::string_view credentials = text.substr(separator + 3, at - separator - 3);
    if (credentials == "****") {
      return Must("have its credentials: this one was masked by --print-config");
    }
    for (const char c : credentials) {
      if (!absl::ascii_isgraph(static_cast<unsigned char>(c)) || Contains("/?#@[]", c)) {
        return Must("have only characters of RFC 3986 in user and password; write others as %XX");
      }
    }
    without_credentials.erase(separator + 3, credentials.size() + 1);
  }
  const absl::StatusOr<UpstreamUrl> url = ParseUpstreamUrl(without_credentials);
  if (!url.ok()) return url.status();
  if (!url->base_path.empty()) return Must("have no path");
  return absl::OkStatus();
}

std::string MaskCredentials(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) return std::string(text);
  std::string_view scheme;
  for (const std::string_view known : {"http://", "https://"}) {
    if (text.starts_with(known) && known.size() <= at) scheme = known;
  }
  return Concat(scheme, "****", text.substr(at));
}

}  // namespace evalrun::config
