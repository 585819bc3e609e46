// SPDX-License-Identifier: Apache-2.0

#include "service/authz/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>

namespace evalrun::authz {
namespace {

constexpr int kBits = 128;
constexpr int kMappedBits = 96;  // the prefix ::ffff:0:0/96 of IPv4-mapped addresses

// Mask of the bits in byte `i` of an address that lie beyond the prefix length.
std::uint8_t HostMask(std::size_t i, int length) {
  const int network_bits = std::clamp(length - static_cast<int>(i) * 8, 0, 8);
  return static_cast<std::uint8_t>(0xFFU >> static_cast<unsigned>(network_bits));
}

std::optional<int> ParseLength(std::string_view text) {
  if (text.empty() || text.size() > 3) return std::nullopt;
  int length = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    length = length * 10 + (c - '0');
  }
  return length;
}

}  // namespace

std::optional<IpAddress> ParseIpAddress(std::string_view text) {
  // inet_pton() needs a NUL at the end, and would stop at one within the text.
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::ranges::copy(text, terminated.begin());
  IpAddress address{};
  if (inet_pton(AF_INET6, terminated.data(), address.data()) == 1) return address;
  if (inet_pton(AF_INET, terminated.data(), &address[12]) != 1) return std::nullopt;
  address[10] = address[11] = 0xFF;
  return address;
}

bool IsLoopback(const IpAddress& address) {
  constexpr IpAddress kIpv6Loopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  constexpr IpAddress kIpv4Loopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127};
  constexpr std::ptrdiff_t kIpv4LoopbackBytes = 13;
  return address == kIpv6Loopback ||
         std::equal(address.begin(), address.begin() + kIpv4LoopbackBytes, kIpv4Loopback.begin());
}

std::optional<Network> Network::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view base_text = text.substr(0, slash);
  const std::optional<IpAddress> base = ParseIpAddress(base_text);
  if (!base.has_value()) return std::nullopt;
  int length = kBits;
  if (slash != std::string_view::npos) {
    const std::optional<int> written = ParseLength(text.substr(slash + 1));
    if (!written.has_value()) return std::nullopt;
    const bool is_ipv4 = base_text.find(':') == std::string_view::npos;
    length = *written + (is_ipv4 ? kMappedBits : 0);
  }
  if (length > kBits) return std::nullopt;
  for (std::size_t i = 0; i < base->size(); ++i) {
    if (((*base)[i] & HostMask(i, length)) != 0) return std::nullopt;
  }
  return Network(*base, length);
}

bool Network::Contains(const IpAddress& address) const {
  for (std::size_t i = 0; i < address.size(); ++i) {
    const auto differ = static_cast<unsigned>(address[i] ^ base_[i]);
    if ((differ & ~static_cast<unsigned>(HostMask(i, length_))) != 0) return false;
  }
  return true;
}

}  // namespace evalrun::authz
