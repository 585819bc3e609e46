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
  static_cast<void>(ResolveCaller(policy, credentials, &caller));
  return caller;
}

bool IsTrusted(const IdentityPolicy& policy, const PeerCredentials& credentials) {
  std::string caller;
  return ResolveCaller(policy, credentials, &caller);
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

TEST(CallerTest, SaysWhetherThePeerIsATrustedProxy) {
  EXPECT_TRUE(TrustingPolicy().HasTrustedProxies());
  EXPECT_TRUE(IsTrusted(TrustingPolicy(), {.peer = kPeer}));
  EXPECT_TRUE(IsTrusted(TrustingPolicy(), {.peer = kPeer, .claimed_identity = "a b"}));
  EXPECT_TRUE(IsTrusted(TrustingPolicy(), {.spiffe_id = "spiffe://prod/ingress", .peer = kPeer}));
  EXPECT_FALSE(IsTrusted(TrustingPolicy(), {.spiffe_id = "spiffe://prod/a", .peer = kPeer}));
  EXPECT_FALSE(IsTrusted(TrustingPolicy(), {.peer = "ipv4:11.0.0.7:1"}));

  EXPECT_FALSE(IdentityPolicy{}.HasTrustedProxies());
  EXPECT_FALSE(IsTrusted({}, {.peer = kPeer}));
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

TEST(CallerTest, ReadsTheUriOfAForwardedCertificate) {
  IdentityPolicy policy = TrustingPolicy();
  policy.metadata_key = "x-forwarded-client-cert";
  const auto resolve = [&](std::string_view value) {
    return Resolve(policy, {.peer = kPeer, .claimed_identity = value});
  };
  EXPECT_EQ(resolve("By=spiffe://prod/gateway;Hash=00;Subject=\"\";URI=spiffe://prod/a"),
            "metadata:spiffe://prod/a");
  EXPECT_EQ(resolve("By=spiffe://prod/gateway;Hash=11;Subject=\"\";URI=spiffe://prod/a"),
            "metadata:spiffe://prod/a")
      << "also when the certificate is a new one";
  for (const std::string& value :
       {std::string("spiffe://prod/a"), std::string("URI=a;URI=b"), std::string("Hash=00"),
        std::string("URI=\"a b\""), "URI=" + std::string(257, 'a')}) {
    EXPECT_EQ(resolve(value), "ip:10.0.0.7") << value;
  }
  EXPECT_EQ(resolve("URI=" + std::string(256, 'a')), "metadata:" + std::string(256, 'a'));
  EXPECT_EQ(Resolve(policy, {.peer = "ipv4:11.0.0.7:1", .claimed_identity = "URI=spiffe://prod/a"}),
            "ip:11.0.0.7");
}

TEST(CallerTest, ReadsTheNameThatLinkerdGives) {
  IdentityPolicy policy = TrustingPolicy();
  policy.metadata_key = "l5d-client-id";
  constexpr char kName[] = "worker.batch.serviceaccount.identity.linkerd.cluster.local";
  EXPECT_EQ(Resolve(policy, {.peer = kPeer, .claimed_identity = kName}),
            std::string("metadata:") + kName);
}

}  // namespace
}  // namespace evalrun::authz
