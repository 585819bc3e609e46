// SPDX-License-Identifier: Apache-2.0
//
// File: caller.h
//
// The caller's identity: one string per call, resolved once and used by limits, logs and
// authorization alike. It starts with a scheme that says how the identity was established, so that
// an identity of one kind cannot be mistaken for one of another:
//
//   spiffe://prod/ns/batch    the SPIFFE id in the client's certificate
//   dns:batch.internal        without a SPIFFE id: the first DNS name in it, in lower case
//   metadata:team-a           claimed by a trusted proxy, under the configured metadata key; under
//                             `x-forwarded-client-cert` the URI in the certificate that the proxy
//                             saw (forwarded_certificate.h): metadata:spiffe://prod/ns/batch
//   ip:10.0.0.7               the peer's address without its port, when nothing better is known:
//                             no certificate, or one that has neither
//   unknown                   the peer's address is not an IP address
//
// Pure: does not depend on gRPC. service/grpc_adapter/peer_credentials.h reads the credentials of a
// call.
#ifndef EVALRUN_SERVICE_AUTHZ_CALLER_H_
#define EVALRUN_SERVICE_AUTHZ_CALLER_H_

#include <string>
#include <string_view>
#include <vector>

#include "service/authz/network.h"

namespace evalrun::authz {

// Which peers may claim an identity for a call in its metadata. By default none: only a certificate
// or an address identifies the caller.
struct IdentityPolicy {
  // The metadata key that holds the claim, in lower case. Empty: claims are ignored.
  std::string metadata_key;
  // Trusted peers without a client certificate, by address. A peer with a certificate is never one
  // of them, also if its certificate has no name.
  std::vector<Network> trusted_networks;
  // Trusted peers with a client certificate: patterns (pattern.h) for their identity. For a peer
  // with a certificate, only this list counts, whatever its address is.
  std::vector<std::string> trusted_peers;

  [[nodiscard]] bool HasTrustedProxies() const {
    return !trusted_networks.empty() || !trusted_peers.empty();
  }
};

// What is known about the peer of a call. The views need to be valid only during ResolveCaller().
struct PeerCredentials {
  // Both from a verified client certificate; empty: it has none, or there is no certificate.
  std::string_view spiffe_id = {};
  std::string_view dns_name = {};
  // Whether there is one, also if it has neither.
  bool has_certificate = false;
  // gRPC's name of the peer: `ipv4:10.0.0.7:40000`, `ipv6:%5B::1%5D:40000`.
  std::string_view peer = {};
  // The value under the policy's metadata key; empty unless the key occurs exactly once. Untrusted:
  // any client can set it.
  std::string_view claimed_identity = {};
};

// Sets `*caller` to the identity, reusing its memory. The result is never empty. A claim counts
// only if it is 1 to 256 visible ASCII characters; otherwise, and where a forwarded certificate
// has no identity, the caller is the trusted peer itself.
// Returns whether the peer is one that the policy trusts, whatever it claims.
[[nodiscard]] bool ResolveCaller(const IdentityPolicy& policy, const PeerCredentials& credentials,
                                 std::string* caller);

}  // namespace evalrun::authz

#endif  // EVALRUN_SERVICE_AUTHZ_CALLER_H_
