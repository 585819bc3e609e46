// SPDX-License-Identifier: Apache-2.0
//
// File: network.h
//
// A network of IP addresses, such as `10.0.0.0/8` or `fd00::/8`. Pure.
#ifndef EVALRUN_SERVICE_AUTHZ_NETWORK_H_
#define EVALRUN_SERVICE_AUTHZ_NETWORK_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace evalrun::authz {

// An IPv4 address is kept as its IPv4-mapped IPv6 address, so that both spellings are the same.
using IpAddress = std::array<std::uint8_t, 16>;

// Parses `10.0.0.1` or `fd00::1`, without brackets and zone; nullopt for any other text.
[[nodiscard]] std::optional<IpAddress> ParseIpAddress(std::string_view text);

// Whether it is in 127.0.0.0/8, or ::1.
[[nodiscard]] bool IsLoopback(const IpAddress& address);

class Network {
 public:
  // Parses `10.0.0.0/8`, `fd00::/8`, or a single address. Returns nullopt for any other text, and
  // for a network whose address has bits set beyond the prefix length (`10.0.0.1/8`), because a
  // single host may have been meant.
  [[nodiscard]] static std::optional<Network> Parse(std::string_view text);

  [[nodiscard]] bool Contains(const IpAddress& address) const;

 private:
  Network(const IpAddress& base, int length) : base_(base), length_(length) {}

  IpAddress base_;
  int length_;  // prefix length in bits, 0 to 128
};

}  // namespace evalrun::authz

#endif  // EVALRUN_SERVICE_AUTHZ_NETWORK_H_
