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

// `10.0.0.1` or `fd00::1`, without brackets and zone; nothing for any other text.
[[nodiscard]] std::optional<IpAddress> ParseIpAddress(std::string_view text);

// Whether it is in 127.0.0.0/8, or ::1.
[[nodiscard]] bool IsLoopback(const IpAddress& address);

class Network {
 public:
  // `10.0.0.0/8`, `fd00::/8`, or one address. Nothing for any other text, and for a network whose
  // address has bits beyond its length (`10.0.0.1/8`): whoever wrote that may have meant one host.
  [[nodiscard]] static std::optional<Network> Parse(std::string_view text);

  [[nodiscard]] bool Contains(const IpAddress& address) const;

 private:
  Network(const IpAddress& base, int length) : base_(base), length_(length) {}

  IpAddress base_;
  int length_;  // in bits, of 128
};

}  // namespace evalrun::authz

#endif  // EVALRUN_SERVICE_AUTHZ_NETWORK_H_
