// SPDX-License-Identifier: Apache-2.0

#include "service/config/parse_config.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/config/duration.h"
#include "service/config/field_value.h"

namespace evalrun::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

v1::GatewayConfig Defaults() {
  v1::GatewayConfig config;
  SetDefaults(&config);
  return config;
}

std::vector<std::string> Check(const v1::GatewayConfig& config, const Sources& sources = {}) {
  std::vector<std::string> errors;
  (void)ParseConfig(config, sources, &errors);
  return errors;
}

struct Case {
  const char* flag;
  const char* good;
  const char* bad;
  const char* error;  // after the key and the invalid value
};

TEST(ParseConfigTest, RejectsValuesOutOfBounds) {
  const Case cases[] = {
      {"max-attempts", "1", "0", "must be from 1 to 10"},
      {"max-attempts", "10", "11", "must be from 1 to 10"},
      {"server-max-concurrent-streams", "1", "0", "must be from 1 to 1000000"},
      {"server-max-message-bytes", "1024", "1023", "must be from 1024 to 4194304"},
      {"server-max-metadata-bytes", "4096", "4095", "must be from 4096 to 1048576"},
      {"server-max-receive-wait", "1m", "61s", "must be from 0s to 1m"},
      {"server-max-connection-age", "24h", "25h", "must be from 0s to 24h"},
      {"server-max-connection-age-grace", "1s", "999ms", "must be from 1s to 24h"},
      {"server-handshake-timeout", "100ms", "99ms", "must be from 100ms to 10m"},
      {"server-keepalive-time", "1s", "0s", "must be from 1s to 24h"},
      {"server-max-connections", "1", "0", "must be from 1 to 100000"},
      {"server-max-connections-per-peer", "1", "0", "must be from 1 to 100000"},
      {"server-client-timeout", "100ms", "99ms", "must be from 100ms to 10m"},
      {"upstream-timeout", "20ms", "0s", "must be from 20ms to 10m"},
      {"upstream-timeout", "10m", "11m", "must be from 20ms to 10m"},
      {"upstream-timeout", "20ms", "19999us", "must be from 20ms to 10m"},
      {"upstream-connect-timeout", "20ms", "0s", "must be from 20ms to 1m"},
      {"upstream-tcp-user-timeout", "1ms", "500us", "must be a multiple of 1ms"},
      {"server-max-connection-age", "1ms", "500us", "must be a multiple of 1ms"},
      {"upstream-idle-connection-age", "1s", "1500ms", "must be a multiple of 1s"},
      {"upstream-idle-connection-age", "1h", "0s", "must be from 1s to 1h"},
      {"upstream-connection-lifetime", "24h", "25h", "must be from 1s to 24h"},
      {"upstream-dns-cache-time", "0s", "10ms", "must be a multiple of 1s"},
      {"upstream-max-response-bytes", "1024", "0", "must be from 1024 to 16777216"},
      {"upstream-max-idle-connections", "65536", "65537", "must be from 1 to 65536"},
      {"deadline-margin", "1ms", "0s", "must be from 1ms to 10s"},
      {"drain-delay", "0s", "11m", "must be from 0s to 10m"},
      {"drain-timeout", "0s", "2h", "must be from 0s to 1h"},
      {"listen", "[::1]:0", "localhost",
       "must be HOST:PORT, such as 127.0.0.1:50051, 0.0.0.0:50051 or [::1]:0, with a port from 0 "
       "to 65535"},
      {"listen", "127.0.0.1:0", "",
       "must be HOST:PORT, such as 127.0.0.1:50051, 0.0.0.0:50051 or [::1]:0, with a port from 0 "
       "to 65535"},
      {"admin-listen", "localhost:65535", "localhost:65536",
       "must be HOST:PORT, such as 127.0.0.1:50051, 0.0.0.0:50051 or [::1]:0, with a port from 0 "
       "to 65535"},
      {"upstream", "http://localhost:8080/v2", "localhost:8080",
       "must begin with http:// or https://"},
      {"audit", "/var/log/audit", "of", "must be off, log, or a path with a slash in it"},
      {"upstream-proxy", "", "http://proxy/x", "must have no path"},
  };
  for (const Case& c : cases) {
    const SettingInfo& setting = *FindFlag(c.flag);
    v1::GatewayConfig config = Defaults();
    ASSERT_TRUE(SetFromText(setting.field(), c.good, MutableParent(setting, &config)).ok())
        << c.good;
    EXPECT_THAT(Check(config), IsEmpty()) << c.flag << " " << c.good;
    ASSERT_TRUE(SetFromText(setting.field(), c.bad, MutableParent(setting, &config)).ok()) << c.bad;
    const std::string shown = FieldText(*MutableParent(setting, &config), setting.field());
    EXPECT_THAT(Check(config, {{setting.name, "x.yaml:7"}}),
                ElementsAre(setting.name + " = \"" + shown + "\" (from x.yaml:7): " + c.error));
  }
}

TEST(ParseConfigTest, RejectsInconsistentSettings) {
  v1::GatewayConfig config = Defaults();
  *config.mutable_retry()->mutable_initial_backoff() = ToProto(std::chrono::seconds(2));
  EXPECT_THAT(Check(config), IsEmpty()) << "equal is allowed";
  *config.mutable_retry()->mutable_initial_backoff() = ToProto(std::chrono::milliseconds(2001));
  EXPECT_THAT(Check(config, {{"retry.initial_backoff", "--retry-initial-backoff"}}),
              ElementsAre("retry.initial_backoff = \"2001ms\" (from --retry-initial-backoff): must "
                          "be no longer than retry.max_backoff = \"2s\" (default)"));

  config = Defaults();
  *config.mutable_deadline()->mutable_margin() = ToProto(std::chrono::milliseconds(60));
  *config.mutable_deadline()->mutable_default_timeout() = ToProto(std::chrono::milliseconds(60));
  EXPECT_THAT(Check(config),
              ElementsAre("deadline.margin = \"60ms\" (default): must be shorter than "
                          "deadline.default_timeout = \"60ms\" (default)"));

  config = Defaults();
  config.set_admin_listen(config.listen());
  EXPECT_THAT(Check(config), ElementsAre("admin_listen = \"127.0.0.1:50051\" (default): must be "
                                         "another address than listen"));
  config.set_listen("127.0.0.1:0");
  config.set_admin_listen("127.0.0.1:0");
  EXPECT_THAT(Check(config), IsEmpty()) << "two free ports are two ports";
}

TEST(ParseConfigTest, OnlyAFileCanBeRequiredForTheAudit) {
  v1::GatewayConfig config = Defaults();
  config.mutable_audit()->set_on_failure(v1::Audit::ON_FAILURE_REFUSE);
  for (const char* to : {"off", "log"}) {
    config.mutable_audit()->set_to(to);
    EXPECT_THAT(Check(config, {{"audit.on_failure", "gateway.yaml:3"}}),
                ElementsAre("audit.on_failure = \"refuse\" (from gateway.yaml:3): must be "
                            "continue, unless audit.to is a file"));
  }
  config.mutable_audit()->set_to("/var/log/audit");
  EXPECT_THAT(Check(config), IsEmpty());
}

TEST(ParseConfigTest, ReportsAllErrors) {
  v1::GatewayConfig config = Defaults();
  config.set_listen("x");
  config.mutable_upstream()->set_url("y");
  config.mutable_retry()->set_max_attempts(99);
  *config.mutable_retry()->mutable_max_backoff() = ToProto(std::chrono::milliseconds(1));
  EXPECT_THAT(Check(config), SizeIs(4));
}

TEST(ParseConfigTest, RejectsEmptyMessage) { EXPECT_FALSE(Check(v1::GatewayConfig()).empty()); }

}  // namespace
}  // namespace evalrun::config
