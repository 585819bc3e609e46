// SPDX-License-Identifier: Apache-2.0
//
// File: host_port.h
//
// `HOST:PORT`, such as `gateway:50051` or `[::1]:50051`. Pure.
#ifndef EVALRUN_SERVICE_TEXT_HOST_PORT_H_
#define EVALRUN_SERVICE_TEXT_HOST_PORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace evalrun::text {

struct HostPort {
  std::string host;  // never empty once parsed; without brackets
  std::uint16_t port = 0;

  bool operator==(const HostPort&) const = default;
};

// Splits `text` at its last colon. Empty without a host, without a port from 0 to 65535, and unless
// exactly the hosts that contain a colon stand in brackets. Which characters and which port a host
// may have beyond that is for the caller to check.
[[nodiscard]] std::optional<HostPort> ParseHostPort(std::string_view text);

// 1 to 5 decimal digits, at most 65535.
[[nodiscard]] std::optional<std::uint16_t> ParsePort(std::string_view text);

}  // namespace evalrun::text

#endif  // EVALRUN_SERVICE_TEXT_HOST_PORT_H_
