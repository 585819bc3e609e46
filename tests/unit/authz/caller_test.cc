// SPDX-License-Identifier: Apache-2.0
//
// The caller's identity: what proves it, whose claims are accepted, and that identities of
// different kinds cannot be confused.
#include "service/authz/caller.h"

#include <string>

#include <gtest/gtest.h>

namespace evalrun::authz {
namespace {

constexpr char kPeer[] = "ipv4:10.0.0.7:40000";

std::string Resolve(const IdentityPolicy& policy, const PeerCredentials& credentials) {
  std::string caller = "whoever called before";
  ResolveCaller(policy, credentials, &caller);
  return caller;
}

// Trusts the claims of hops in 10.0.0.0/8 and of the mesh's ingress.
IdentityPolicy TrustingPolicy() {
  return {.metadata_key = "x-caller",
          .trusted_networks = {*Network::Parse("10.0.0.0/8"), *Network::Parse("fd00::/8")},
          .trusted_peers = {"spiffe://prod/ingress", "dns:*"}};
}

TEST(CallerTest, PrefersCertificateOverAddress) {
  struct {
    PeerCredentials credentials;
    const char* caller;
  } const cases[] = {
      {{.spiffe_id = "spiffe://prod/a", .dns_name = "a.b", .peer = kPeer}, "spiffe://prod/a"},
      {{.dns_name = "a.b", .peer = kPeer}, "dns:a.b"},
      {{.dns_name = "A.b", .peer = kPeer}, "dns:a.b"},
      {{.peer = kPeer}, "ip:10.0.0.7"},
      {{.has_certificate = true, .peer = kPeer}, "ip:10.0.0.7"},
      {{.peer = "ipv6:%5B::1%5D:40000"}, "ip:::1"},
      {{.peer = "ipv6:[2001:db8::1]:40000"}, "ip:2001:db8::1"},
      {{.peer = "ipv6:%5Bfe80::1%25eth0%5D:40000"}, "ip:fe80::1%eth0"},
      {{.peer = "unix:/run/gateway.sock"}, "unknown"},
      {{.peer = "unknown"}, "unknown"},
      {{}, "unknown"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Resolve({}, c.credentials), c.caller);
    EXPECT_EQ(Resolve(TrustingPolicy(), c.credentials), c.caller) << "no identity was claimed";
  }
}

TEST(CallerTest, AcceptsClaimedIdentityFromTrustedPeersOnly) {
  struct {
    const char* name;
    PeerCredentials credentials;
    const char* caller;
  } const cases[] = {
      {"from the network", {.peer = kPeer, .claimed_identity = "team-a"}, "metadata:team-a"},
      {"IPv6",
       {.peer = "ipv6:%5Bfd12::1%25eth0%5D:1", .claimed_identity = "team-a"},
       "metadata:team-a"},
      {"IPv4 in IPv6",
       {.peer = "ipv6:%5B::ffff:10.0.0.7%5D:1", .claimed_identity = "team-a"},
       "metadata:team-a"},
      {"from outside", {.peer = "ipv4:11.0.0.7:1", .claimed_identity = "team-a"}, "ip:11.0.0.7"},
      {"from no IP address", {.peer = "unix:", .claimed_identity = "team-a"}, "unknown"},
      {"a peer by name",
       {.spiffe_id = "spiffe://prod/ingress", .peer = kPeer, .claimed_identity = "team-a"},
       "metadata:team-a"},
      {"a peer by pattern",
       {.dns_name = "proxy.internal", .peer = kPeer, .claimed_identity = "team-a"},
       "metadata:team-a"},
      {"a certificate that names nobody, though its network is trusted",
       {.has_certificate = true, .peer = kPeer, .claimed_identity = "team-a"},
       "ip:10.0.0.7"},
      {"another peer, though its network is trusted",
       {.spiffe_id = "spiffe://prod/ingress2", .peer = kPeer, .claimed_identity = "team-a"},
       "spiffe://prod/ingress2"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Resolve(TrustingPolicy(), c.credentials), c.caller) << c.name;
  }
}

TEST(CallerTest, IgnoresClaimedIdentityWithoutMetadataKey) {
  IdentityPolicy policy = TrustingPolicy();
  policy.metadata_key.clear();
  EXPECT_EQ(Resolve(policy, {.peer = kPeer, .claimed_identity = "team-a"}), "ip:10.0.0.7");
}

TEST(CallerTest, ClaimedIdentityKeepsMetadataPrefix) {
  EXPECT_EQ(Resolve(TrustingPolicy(), {.peer = kPeer, .claimed_identity = "spiffe://prod/a"}),
            "metadata:spiffe://prod/a");
}

TEST(CallerTest, IgnoresMalformedClaimedIdentity) {
  for (const std::string& claimed_identity :
       {std::string(), std::string("a b"), std::string("a\n"), std::string("a\0b", 3),
        std::string("\xC3\xBC"), std::string("\x7F"), std::string(257, 'a')}) {
    EXPECT_EQ(Resolve(TrustingPolicy(), {.peer = kPeer, .claimed_identity = claimed_identity}),
              "ip:10.0.0.7")
        << ::testing::PrintToString(claimed_identity);
  }
  EXPECT_EQ(Resolve(TrustingPolicy(), {.peer = kPeer, .claimed_identity = std::string(256, 'a')}),
            "metadata:" + std::string(256, 'a'));
}

}  // namespace
}  // namespace evalrun::authz
