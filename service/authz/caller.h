// File: caller.h
//
// Who is calling: one text per call, resolved once, and used by limits, logs and authorization
// alike. It begins with how it is known, so that no kind can pass for another:
//
//   spiffe://prod/ns/batch    the SPIFFE id in the client's certificate
//   dns:batch.internal        the first DNS name in it, in lower case, without a SPIFFE id
//   metadata:team-a           the word of a trusted hop, under the configured metadata key
//   ip:10.0.0.7               the peer's address without its port, when nothing better is known
//   unknown                   the peer's address is not an IP address
//
// Pure: knows no gRPC. service/grpc_adapter/peer_credentials.h reads the credentials off a call.
#ifndef EVALRUN_SERVICE_AUTHZ_CALLER_H_
#define EVALRUN_SERVICE_AUTHZ_CALLER_H_

#include <string>
#include <string_view>
#include <vector>

#include "service/authz/network.h"

namespace evalrun::authz {

// Whose word about who is calling is taken. By default nobody's but a certificate's.
struct IdentityPolicy {
  // In lower case; empty: metadata never says who is calling.
  std::string metadata_key;
  // Hops without a client certificate, by address.
  std::vector<Network> trusted_networks;
  // Hops with one, by identity: patterns (pattern.h). A peer whose certificate
  // names it is judged by that alone, wherever it calls from.
  std::vector<std::string> trusted_peers;
};

// What is known of the other end of a call. Views are read during the call only.
struct PeerCredentials {
  // Of a client certificate that was verified; empty: none.
  std::string_view spiffe_id = {};
  std::string_view dns_name = {};
  // gRPC's name of the peer: `ipv4:10.0.0.7:40000`, `ipv6:%5B::1%5D:40000`.
  std::string_view peer = {};
  // The value under the policy's metadata key; empty when it is not there exactly once. Anybody can
  // write it.
  std::string_view claimed_identity = {};
};

// Replaces `caller` by the identity; its memory is kept. Never empty. What a trusted hop asserts
// counts only as 1 to 256 visible ASCII characters; without it the hop itself is the caller.
void ResolveCaller(const IdentityPolicy& policy, const PeerCredentials& credentials,
                   std::string* caller);

}  // namespace evalrun::authz

#endif  // EVALRUN_SERVICE_AUTHZ_CALLER_H_
