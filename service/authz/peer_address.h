// SPDX-License-Identifier: Apache-2.0
//
// File: peer_address.h
//
// Splits gRPC's name of a peer into address and port. Pure.
#ifndef EVALRUN_SERVICE_AUTHZ_PEER_ADDRESS_H_
#define EVALRUN_SERVICE_AUTHZ_PEER_ADDRESS_H_

#include <string_view>

namespace evalrun::authz {

// As OpenTelemetry names them: `network.peer.address`, `network.peer.port`.
struct PeerAddress {
  std::string_view address;
  int port = 0;  // 0: none
};

// Parses `ipv4:10.0.0.1:40000` and `ipv6:%5B::1%5D:40000`; the address is returned without
// brackets. Any other text is returned whole as the address. The view points into `peer`.
[[nodiscard]] PeerAddress ParsePeerAddress(std::string_view peer);

}  // namespace evalrun::authz

#endif  // EVALRUN_SERVICE_AUTHZ_PEER_ADDRESS_H_
