// File: host_port.h
//
// `HOST:PORT`, as an address to listen on.
#ifndef EVALRUN_SERVICE_CONFIG_HOST_PORT_H_
#define EVALRUN_SERVICE_CONFIG_HOST_PORT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace evalrun::config {

struct HostPort {
  std::string host;        // a name or an address, without brackets
  std::uint16_t port = 0;  // 0: any free one

  bool operator==(const HostPort&) const = default;
};

// Takes `127.0.0.1:50051`, `localhost:0` or `[::1]:50051` apart. The host is required. An error's
// message says what is allowed, without repeating `text`. Pure.
[[nodiscard]] absl::StatusOr<HostPort> ParseHostPort(std::string_view text);

// Whether `host` is an IPv4 address or a name of letters, digits, `-`, `_` and dots (no empty
// label, at most 253 characters).
[[nodiscard]] bool IsHostName(std::string_view host);

// Whether `host` is an IPv6 address without brackets and without a zone.
[[nodiscard]] bool IsIpv6Address(std::string_view host);

// Reads a port: 1 to 5 digits, at most 65535.
[[nodiscard]] bool ParsePort(std::string_view text, std::uint16_t* port);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_HOST_PORT_H_
