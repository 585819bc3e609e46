// SPDX-License-Identifier: Apache-2.0
//
// Live settings are applied; the others are reported to need a restart.
#include "service/config/live_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/config/field_value.h"

namespace evalrun::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

v1::GatewayConfig Defaults() {
  v1::GatewayConfig config;
  SetDefaults(&config);
  return config;
}

TEST(LiveSettingsTest, AppliesLiveSettings) {
  v1::GatewayConfig running = Defaults();
  v1::GatewayConfig loaded = Defaults();
  loaded.mutable_log()->set_level(v1::Log::LEVEL_DEBUG);
  EXPECT_THAT(ApplyLiveSettings(loaded, &running), IsEmpty());
  EXPECT_EQ(running.log().level(), v1::Log::LEVEL_DEBUG);
}

TEST(LiveSettingsTest, AppliesLiveSettingInNonLiveSection) {
  v1::GatewayConfig running = Defaults();
  v1::GatewayConfig loaded = Defaults();
  loaded.mutable_upstream()->add_keys()->set_name("team-a");
  loaded.mutable_upstream()->mutable_timeout()->set_seconds(7);
  EXPECT_THAT(ApplyLiveSettings(loaded, &running), ElementsAre("upstream.timeout"));
  EXPECT_EQ(running.upstream().keys(0).name(), "team-a");
}

TEST(LiveSettingsTest, ReportsSettingsThatNeedRestart) {
  v1::GatewayConfig running = Defaults();
  v1::GatewayConfig loaded = Defaults();
  loaded.set_listen("127.0.0.1:1");
  loaded.mutable_upstream()->mutable_timeout()->set_seconds(7);
  loaded.mutable_identity()->add_trusted_networks("10.0.0.0/8");
  loaded.mutable_log()->set_level(v1::Log::LEVEL_DEBUG);
  EXPECT_THAT(ApplyLiveSettings(loaded, &running),
              ElementsAre("listen", "upstream.timeout", "identity.trusted_networks"));
  v1::GatewayConfig expected = Defaults();
  expected.mutable_log()->set_level(v1::Log::LEVEL_DEBUG);
  EXPECT_EQ(running.SerializeAsString(), expected.SerializeAsString());
}

TEST(HashConfigTest, EqualForEqualConfigs) {
  v1::GatewayConfig other = Defaults();
  EXPECT_EQ(HashConfig(other), HashConfig(Defaults()));
  EXPECT_THAT(HashConfig(other), MatchesRegex("[0-9a-f]{16}"));
  other.mutable_identity()->add_trusted_networks("10.0.0.0/8");
  EXPECT_NE(HashConfig(other), HashConfig(Defaults()));
}

TEST(HashConfigTest, IgnoresCredentials) {
  v1::GatewayConfig one = Defaults();
  v1::GatewayConfig two = Defaults();
  one.mutable_upstream()->set_proxy("http://user:secret-1@proxy:1");
  two.mutable_upstream()->set_proxy("http://user:secret-2@proxy:1");
  EXPECT_EQ(HashConfig(one), HashConfig(two));
}

}  // namespace
}  // namespace evalrun::config
