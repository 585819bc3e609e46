// SPDX-License-Identifier: Apache-2.0
//
// Which certificates of a file a peer needs, and when the path through them is valid.
#include "service/tls/certificate_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/tls/test_authority.h"

namespace evalrun::tls {
namespace {

using evalrun::testing::TestIdentity;
using evalrun::testing::Validity;
using std::chrono::hours;
using std::chrono::system_clock;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// OpenSSL compares the authorities' times with the clock. Certificates count in seconds.
const system_clock::time_point kNow = std::chrono::floor<std::chrono::seconds>(system_clock::now());
const Validity kValid{kNow - hours(1), kNow + hours(10)};
const Validity kExpired{kNow - hours(10), kNow - hours(1)};
const Validity kNotYet{kNow + hours(1), kNow + hours(20)};

class CertificatePathTest : public ::testing::Test {
 protected:
  static CertificatePath Build(const std::string& chain, const std::string& authorities = "") {
    const auto path = BuildCertificatePath(chain, authorities, kNow);
    EXPECT_TRUE(path.has_value());
    return path.value_or(CertificatePath{});
  }

  const TestIdentity old_root_{"old root"};
  const TestIdentity root_{"root"};
  const TestIdentity intermediate_{"intermediate"};
  const TestIdentity server_{"server"};
};

TEST_F(CertificatePathTest, ValidWhileAllOfThePathAre) {
  const Validity shorter{kNow - hours(1), kNow + hours(5)};
  const Validity later{kNow - std::chrono::minutes(1), kNow + hours(10)};
  const CertificatePath path =
      Build(server_.IssuedBy(intermediate_, later, false) + intermediate_.IssuedBy(root_, shorter));
  EXPECT_EQ(path.valid_from, later.from);
  EXPECT_EQ(path.valid_until, shorter.until);
  EXPECT_THAT(path.ignored, IsEmpty());
}

TEST_F(CertificatePathTest, ExpiredCertificateOrIntermediateIsNeeded) {
  for (const std::string& chain :
       {server_.IssuedBy(intermediate_, kExpired, false) + intermediate_.IssuedBy(root_, kValid),
        server_.IssuedBy(intermediate_, kValid, false) + intermediate_.IssuedBy(root_, kExpired),
        server_.IssuedBy(intermediate_, kValid, false) + intermediate_.IssuedBy(root_, kExpired) +
            root_.IssuedBy(root_, kValid),
        server_.IssuedBy(server_, kExpired, false)}) {
    EXPECT_EQ(Build(chain).valid_until, kExpired.until);
  }
}

// The intermediate was renewed, and the file still has the old one, in either order.
TEST_F(CertificatePathTest, ExpiredTwinOfAValidIntermediateIsIgnored) {
  const std::string server = server_.IssuedBy(intermediate_, kValid, false);
  const std::string expired = intermediate_.IssuedBy(root_, kExpired);
  const std::string valid = intermediate_.IssuedBy(root_, kValid);
  for (const std::string& chain : {server + expired + valid, server + valid + expired}) {
    const CertificatePath path = Build(chain);
    EXPECT_EQ(path.valid_until, kValid.until);
    EXPECT_THAT(path.ignored, ElementsAre("CN=intermediate"));
  }
}

// Peers have roots themselves.
TEST_F(CertificatePathTest, ExpiredRootIsIgnored) {
  const CertificatePath path =
      Build(server_.IssuedBy(root_, kValid, false) + root_.IssuedBy(root_, kExpired));
  EXPECT_EQ(path.valid_until, kValid.until);
  EXPECT_THAT(path.ignored, ElementsAre("CN=root"));
}

// A new root, cross-signed by an old one: peers that know the new one do not need the old one.
TEST_F(CertificatePathTest, ExpiredCrossCertificateOfAKnownRootIsIgnored) {
  const std::string chain = server_.IssuedBy(intermediate_, kValid, false) +
                            intermediate_.IssuedBy(root_, kValid) +
                            root_.IssuedBy(old_root_, kExpired);
  EXPECT_EQ(Build(chain).valid_until, kExpired.until) << "nobody is known to have the new root";

  const CertificatePath by_authority = Build(chain, root_.IssuedBy(root_, kValid));
  EXPECT_EQ(by_authority.valid_until, kValid.until);
  EXPECT_THAT(by_authority.ignored, ElementsAre("CN=root"));

  const CertificatePath by_file = Build(chain + root_.IssuedBy(root_, kValid));
  EXPECT_EQ(by_file.valid_until, kValid.until);
  EXPECT_THAT(by_file.ignored, ElementsAre("CN=root"));

  EXPECT_EQ(Build(chain, root_.IssuedBy(root_, kExpired)).valid_until, kExpired.until);
  EXPECT_EQ(Build(chain, TestIdentity("root").IssuedBy(root_, kValid)).valid_until, kExpired.until)
      << "another key under the same name";
}

TEST_F(CertificatePathTest, ExpiredOldRootBehindAValidCrossCertificateIsIgnored) {
  const CertificatePath path =
      Build(server_.IssuedBy(root_, kValid, false) + root_.IssuedBy(old_root_, kValid) +
            old_root_.IssuedBy(old_root_, kExpired));
  EXPECT_EQ(path.valid_until, kValid.until);
  EXPECT_THAT(path.ignored, ElementsAre("CN=old root"));
}

TEST_F(CertificatePathTest, UnrelatedExpiredCertificateIsIgnored) {
  const CertificatePath path =
      Build(server_.IssuedBy(intermediate_, kValid, false) + intermediate_.IssuedBy(root_, kValid) +
            old_root_.IssuedBy(old_root_, kExpired));
  EXPECT_EQ(path.valid_until, kValid.until);
  EXPECT_THAT(path.ignored, ElementsAre("CN=old root"));
}

TEST_F(CertificatePathTest, StartsWhenAllOfThePathHave) {
  EXPECT_EQ(Build(server_.IssuedBy(root_, kNotYet, false)).valid_from, kNotYet.from);
  const std::string server = server_.IssuedBy(intermediate_, kValid, false);
  const std::string later = intermediate_.IssuedBy(root_, kNotYet);
  EXPECT_EQ(Build(server + later).valid_from, kNotYet.from);
  EXPECT_EQ(Build(server + later + intermediate_.IssuedBy(root_, kValid)).valid_from, kValid.from)
      << "one that is valid now is preferred";
}

TEST_F(CertificatePathTest, LoopOfCrossCertificatesEnds) {
  const CertificatePath path =
      Build(server_.IssuedBy(root_, kValid, false) + root_.IssuedBy(old_root_, kValid) +
            old_root_.IssuedBy(root_, kValid));
  EXPECT_EQ(path.valid_until, kValid.until);
}

TEST_F(CertificatePathTest, DamagedTextHasNoPath) {
  const std::string server = server_.IssuedBy(root_, kValid, false);
  for (const std::string& text :
       {std::string(), std::string("no certificate"), server.substr(0, server.size() / 2),
        server + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    EXPECT_FALSE(BuildCertificatePath(text, "", kNow).has_value());
  }
}

}  // namespace
}  // namespace evalrun::tls
