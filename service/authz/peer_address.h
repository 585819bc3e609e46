// File: peer_address.h
//
// gRPC's name of a peer, taken apart. Pure.
#ifndef EVALRUN_SERVICE_AUTHZ_PEER_ADDRESS_H_
#define EVALRUN_SERVICE_AUTHZ_PEER_ADDRESS_H_

#include <string_view>

namespace evalrun::authz {

// As OpenTelemetry names them: `network.peer.address`, `network.peer.port`.
struct PeerAddress {
  std::string_view address;
  int port = 0;  // 0: there is none
};

// Of `ipv4:10.0.0.1:40000` and `ipv6:%5B::1%5D:40000`, the address without brackets; of anything
// else all of it. The view is into `peer`.
[[nodiscard]] PeerAddress ParsePeerAddress(std::string_view peer);

}  // namespace evalrun::authz

#endif  // EVALRUN_SERVICE_AUTHZ_PEER_ADDRESS_H_
