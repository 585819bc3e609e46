// SPDX-License-Identifier: Apache-2.0
//
// File: listen_sockets.h
//
// Listening sockets for HOST:PORT, by the same rules for both ports of the gateway.
#ifndef EVALRUN_SERVICE_NET_LISTEN_SOCKETS_H_
#define EVALRUN_SERVICE_NET_LISTEN_SOCKETS_H_

#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "service/net/unique_fd.h"

namespace evalrun::net {

struct ListenSockets {
  std::vector<UniqueFd> sockets;  // non-blocking and close-on-exec; at least one
  std::uint16_t port = 0;         // that all of them listen on
  std::string address;            // `host:port`; an IPv6 address is in brackets
};

// Listens on `port` (0: one that is free) at all addresses of `host`, an IP address without
// brackets or a name, or at none of them. `::` is dual-stack: it accepts IPv4, too. Addresses of a
// name that this machine does not have (::1 without IPv6) are left out, unless none remains. Errors
// name the address and errno.
[[nodiscard]] absl::StatusOr<ListenSockets> Listen(const std::string& host, std::uint16_t port);

}  // namespace evalrun::net

#endif  // EVALRUN_SERVICE_NET_LISTEN_SOCKETS_H_
