// SPDX-License-Identifier: Apache-2.0

#include "service/config/contradictions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/load.h"

namespace evalrun::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::GatewayConfig Config(v1::Tls::ClientCertificates certificates) {
  v1::GatewayConfig config;
  config.mutable_tls()->set_client_certificates(certificates);
  return config;
}

TEST(ContradictionsTest, IdentitiesThatNoCallerCanHave) {
  const struct {
    const char* identity;
    v1::Tls::ClientCertificates certificates;
    const char* metadata_key;
    const char* said;  // nullptr: nothing
  } kTable[] = {
      {"spiffe://prod/a", v1::Tls::CLIENT_CERTIFICATES_OFF, "", "tls.client_certificates is off"},
      {"dns:a", v1::Tls::CLIENT_CERTIFICATES_OFF, "", "tls.client_certificates is off"},
      {"metadata:a", v1::Tls::CLIENT_CERTIFICATES_OFF, "", "identity.metadata_key is empty"},
      {"ip:10.0.0.7", v1::Tls::CLIENT_CERTIFICATES_REQUIRED, "", "client_certificates is required"},
      {"spiffe://prod/a", v1::Tls::CLIENT_CERTIFICATES_OPTIONAL, "", nullptr},
      {"dns:a", v1::Tls::CLIENT_CERTIFICATES_REQUIRED, "", nullptr},
      {"metadata:a", v1::Tls::CLIENT_CERTIFICATES_OFF, "x-caller", nullptr},
      {"ip:10.0.0.7", v1::Tls::CLIENT_CERTIFICATES_OFF, "", nullptr},
      {"ip:10.0.0.7", v1::Tls::CLIENT_CERTIFICATES_OPTIONAL, "", nullptr},
      {"*", v1::Tls::CLIENT_CERTIFICATES_OFF, "", nullptr},
  };
  for (const auto& [identity, certificates, metadata_key, said] : kTable) {
    v1::GatewayConfig config = Config(certificates);
    config.mutable_identity()->set_metadata_key(metadata_key);
    config.mutable_authorization()->add_rules()->add_identities(identity);
    config.mutable_upstream()->add_keys()->add_identities(identity);
    v1::LimitRule* const rule = config.mutable_limits()->add_rules();
    rule->set_by(v1::LimitRule::BY_CALLER);
    rule->add_overrides()->set_pattern(identity);
    if (said == nullptr) {
      EXPECT_THAT(FindContradictions(config), IsEmpty()) << identity;
    } else {
      EXPECT_THAT(FindContradictions(config),
                  ElementsAre(AllOf(HasSubstr("authorization.rules[0]"), HasSubstr(said)),
                              AllOf(HasSubstr("upstream.keys[0]"), HasSubstr(said)),
                              AllOf(HasSubstr("limits.rules[0].overrides"), HasSubstr(said))))
          << identity;
    }
  }
}

TEST(ContradictionsTest, SettingsWithoutWhatTheyAreFor) {
  v1::GatewayConfig config = Config(v1::Tls::CLIENT_CERTIFICATES_OFF);
  config.mutable_identity()->add_trusted_peers("dns:proxy");
  EXPECT_THAT(FindContradictions(config), ElementsAre(HasSubstr("identity.trusted_peers")));

  config = Config(v1::Tls::CLIENT_CERTIFICATES_REQUIRED);
  config.mutable_identity()->add_trusted_networks("10.0.0.0/8");
  EXPECT_THAT(FindContradictions(config), ElementsAre(HasSubstr("identity.trusted_networks")));

  config = Config(v1::Tls::CLIENT_CERTIFICATES_OFF);
  config.mutable_authorization()->set_dry_run(true);
  config.mutable_limits()->mutable_redis()->set_address("redis:6379");
  EXPECT_THAT(FindContradictions(config),
              ElementsAre(HasSubstr("authorization.dry_run"), HasSubstr("limits.redis.address")));

  config = Config(v1::Tls::CLIENT_CERTIFICATES_OFF);
  config.mutable_limits()->mutable_redis()->set_password_file("/run/password");
  EXPECT_THAT(FindContradictions(config), ElementsAre(HasSubstr("limits.redis.password_file")));

  config = Config(v1::Tls::CLIENT_CERTIFICATES_OFF);
  config.mutable_tracing()->set_root_samples_per_million(1);
  EXPECT_THAT(FindContradictions(config),
              ElementsAre(HasSubstr("tracing.root_samples_per_million")));
}

TEST(ContradictionsTest, CheckConfigReportsThemAndSucceeds) {
  const EarlyExit early_exit =
      ToEarlyExit(Load({.flags = {"--check-config", "--authorization-dry-run"}}));
  EXPECT_EQ(early_exit.exit_code, 0);
  EXPECT_EQ(early_exit.out, "configuration OK\n");
  EXPECT_EQ(early_exit.err,
            "evalrun-gateway: warning: authorization.dry_run: there are no authorization.rules to "
            "try\n");
}

}  // namespace
}  // namespace evalrun::config
