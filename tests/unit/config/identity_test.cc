// SPDX-License-Identifier: Apache-2.0
//
// Validation of the section `identity`.
#include "service/config/identity.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/load.h"

namespace evalrun::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(IdentityTest, ParsesKeyWithTrustedPeers) {
  LoadedConfig loaded;
  EXPECT_THAT(FindErrors("identity:\n"
                         "  metadata_key: x-caller\n"
                         "  trusted_networks: [10.1.0.0/16, 'fd00::/8', 10.2.0.1]\n"
                         "  trusted_peers: [spiffe://prod/ingress, 'dns:*']\n",
                         &loaded),
              IsEmpty());
  EXPECT_EQ(loaded.identity.metadata_key, "x-caller");
  EXPECT_THAT(loaded.identity.trusted_peers, ElementsAre("spiffe://prod/ingress", "dns:*"));
  ASSERT_THAT(loaded.identity.trusted_networks, SizeIs(3));
  EXPECT_TRUE(loaded.identity.trusted_networks[2].Contains(*authz::ParseIpAddress("10.2.0.1")));
}

TEST(IdentityTest, RejectsKeyWithoutPeersAndPeersWithoutKey) {
  EXPECT_THAT(FindErrors("identity: {metadata_key: x-caller}\n"),
              ElementsAre(HasSubstr("must come with identity.trusted_networks")));
  EXPECT_THAT(FindErrors("identity: {trusted_networks: [10.0.0.0/8]}\n"),
              ElementsAre(HasSubstr("must come with identity.metadata_key")));
  EXPECT_THAT(FindErrors("identity: {trusted_peers: ['dns:a']}\n"),
              ElementsAre(HasSubstr("must come with identity.metadata_key")));
}

TEST(IdentityTest, ErrorNamesListIndex) {
  EXPECT_THAT(FindErrors("identity:\n"
                         "  metadata_key: x-caller\n"
                         "  trusted_networks: [10.0.0.0/8, 10.0.0.1/8]\n"),
              ElementsAre(HasSubstr("identity.trusted_networks[1] = \"10.0.0.1/8\"")));
}

TEST(MetadataKeyTest, AcceptsLowerCaseNonCredentialKeys) {
  for (const char* key : {"", "x-caller", "x_caller.1"}) {
    EXPECT_TRUE(ParseMetadataKey(key).ok()) << key;
  }
  for (const std::string& key :
       {std::string("X-Caller"), std::string("x-caller-bin"), std::string("grpc-caller"),
        std::string(":path"), std::string("a b"), std::string("authorization"),
        std::string("cookie"), std::string("x-api-key"), std::string("proxy-authorization"),
        std::string(65, 'a')}) {
    EXPECT_FALSE(ParseMetadataKey(key).ok()) << key;
  }
}

TEST(CertificatePatternTest, AcceptsOnlyCertificateIdentities) {
  for (const char* text : {"spiffe://prod/a", "spiffe://prod/*", "dns:a.b", "dns:*"}) {
    EXPECT_TRUE(ParseCertificatePattern(text).ok()) << text;
  }
  for (const char* text : {"", "*", "ip:10.0.0.1", "metadata:a", "spiffe:*", "dns:*.internal"}) {
    EXPECT_FALSE(ParseCertificatePattern(text).ok()) << text;
  }
}

}  // namespace
}  // namespace evalrun::config
