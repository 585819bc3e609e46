#include "service/config/host_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>

#include <absl/status/status.h>
#include <absl/strings/ascii.h>

namespace evalrun::config {

bool IsHostName(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  if (host.front() == '.' || host.find("..") != std::string_view::npos) return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  });
}

bool IsIpv6Address(std::string_view host) {
  // A NUL would end the text early for inet_pton.
  if (host.find('\0') != std::string_view::npos) return false;
  in6_addr address{};
  return inet_pton(AF_INET6, std::string(host).c_str(), &address) == 1;
}

bool ParsePort(std::string_view text, std::uint16_t* port) {
  if (text.empty() || text.size() > 5) return false;
  std::uint32_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (number > 65535) return false;
  *port = static_cast<std::uint16_t>(number);
  return true;
}

absl::StatusOr<HostPort> ParseHostPort(std::string_view text) {
  const absl::Status malformed = absl::InvalidArgumentError(
      "must be HOST:PORT, such as 127.0.0.1:50051, 0.0.0.0:50051 or [::1]:0, with a port from 0 "
      "to 65535");
  const std::size_t colon = text.rfind(':');
  HostPort result;
  if (colon == std::string_view::npos || !ParsePort(text.substr(colon + 1), &result.port)) {
    return malformed;
  }
  std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (!IsIpv6Address(host)) return malformed;
  } else if (!IsHostName(host)) {
    return malformed;
  }
  result.host = std::string(host);
  return result;
}

}  // namespace evalrun::config
