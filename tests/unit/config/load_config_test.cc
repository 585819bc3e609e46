// SPDX-License-Identifier: Apache-2.0

#include "service/config/load_config.h"

#include <chrono>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/config/duration.h"
#include "tests/unit/config/load.h"

namespace evalrun::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(LoadConfigTest, LoadsWithDefaultsAndApiKey) {
  LoadResult result = Load({});
  ASSERT_TRUE(std::holds_alternative<LoadedConfig>(result)) << ToEarlyExit(result).err;
  const LoadedConfig& loaded = std::get<LoadedConfig>(result);
  EXPECT_EQ(loaded.listen, (text::HostPort{"127.0.0.1", 50051}));
  EXPECT_EQ(loaded.admin_listen, (text::HostPort{"127.0.0.1", 9090}));
  EXPECT_EQ(loaded.upstream, (UpstreamUrl{"https", "api.aymara.ai", 443, "/v2"}));
  EXPECT_EQ(loaded.api_key.RevealForSending(), "test-key");
  EXPECT_EQ(loaded.api_key_source, "AYMARA_AI_API_KEY");
  EXPECT_EQ(ToMicroseconds(loaded.config.upstream().timeout()), std::chrono::seconds(10));
  EXPECT_EQ(loaded.config.retry().max_attempts(), 3U);
  EXPECT_TRUE(loaded.config.forward().traceparent());
}

struct Precedence {
  const char* file;
  const char* variable;
  const char* flag;
  int seconds;
};

TEST(LoadConfigTest, PrecedenceIsFlagEnvironmentFileDefault) {
  const Precedence cases[] = {
      {"", "", "", 10},    {"1s", "", "", 1},     {"", "2s", "", 2},
      {"1s", "2s", "", 2}, {"", "", "3s", 3},     {"1s", "", "3s", 3},
      {"", "2s", "3s", 3}, {"1s", "2s", "3s", 3}, {"1s", "", "10s", 10},
  };
  for (const Precedence& c : cases) {
    const std::string flag = std::string("--upstream-timeout=") + c.flag;
    LoadInput given;
    given.environment["EVALRUN_UPSTREAM_TIMEOUT"] = c.variable;  // empty is the same as unset
    given.environment["EVALRUN_CONFIG"] = "c.yaml";
    given.files["c.yaml"] =
        *c.file == '\0' ? "" : std::string("upstream: {timeout: ") + c.file + "}";
    if (*c.flag != '\0') given.flags.push_back(flag.c_str());
    const LoadResult result = Load(given);
    ASSERT_TRUE(std::holds_alternative<LoadedConfig>(result)) << ToEarlyExit(result).err;
    EXPECT_EQ(std::get<LoadedConfig>(result).config.upstream().timeout().seconds(), c.seconds);
  }
}

TEST(LoadConfigTest, ConfigFlagOverridesConfigVariable) {
  LoadInput given{.flags = {"--config=b.yaml"},
                  .files = {{"a.yaml", "listen: 127.0.0.1:1"}, {"b.yaml", "listen: 127.0.0.2:1"}}};
  given.environment["EVALRUN_CONFIG"] = "a.yaml";
  EXPECT_EQ(std::get<LoadedConfig>(Load(given)).listen.host, "127.0.0.2");
}

TEST(LoadConfigTest, ReadsSettingsFromEnvironment) {
  LoadInput given;
  given.environment["EVALRUN_IDS_OPAQUE"] = "true";
  given.environment["EVALRUN_MAX_ATTEMPTS"] = "4";
  given.environment["EVALRUN_UPSTREAM"] = "http://[::1]:8080/v2/";
  const LoadResult result = Load(given);
  ASSERT_TRUE(std::holds_alternative<LoadedConfig>(result)) << ToEarlyExit(result).err;
  const LoadedConfig& loaded = std::get<LoadedConfig>(result);
  EXPECT_TRUE(loaded.config.ids().opaque());
  EXPECT_EQ(loaded.config.retry().max_attempts(), 4U);
  EXPECT_EQ(loaded.upstream, (UpstreamUrl{"http", "::1", 8080, "/v2"}));
}

TEST(LoadConfigTest, ReadsApiKeyFromFile) {
  const LoadResult result =
      Load({.flags = {"--api-key-file=key"}, .files = {{"key", "from-file\n"}}});
  ASSERT_TRUE(std::holds_alternative<LoadedConfig>(result)) << ToEarlyExit(result).err;
  EXPECT_EQ(std::get<LoadedConfig>(result).api_key.RevealForSending(), "from-file");
  EXPECT_EQ(std::get<LoadedConfig>(result).api_key_source, "key");
}

TEST(LoadConfigTest, ReportsErrorsOfAllSources) {
  const EarlyExit early_exit = ToEarlyExit(Load(
      {.flags = {"--listne=x", "--max-attempts=0", "--config=c.yaml", "--upstream-timeout=soon"},
       .environment = {{"EVALRUN_LOG_LEVEL", "loud"}, {"EVALRUN_LISTN", "x"}},
       .files = {{"c.yaml", "drain: {timeout: 2h}\nretrys: 1\n"}}}));
  EXPECT_EQ(early_exit.exit_code, 2);
  EXPECT_EQ(early_exit.out, "");
  EXPECT_EQ(early_exit.err,
            "evalrun-gateway: configuration refused\n"
            "  --listne: no such flag; did you mean --listen?\n"
            "  retrys (c.yaml:2): unknown key; did you mean retry?\n"
            "  EVALRUN_LISTN: no such setting; did you mean EVALRUN_LISTEN?\n"
            "  log.level = \"loud\" (from EVALRUN_LOG_LEVEL): must be one of debug, info, warn, "
            "error\n"
            "  upstream.timeout = \"soon\" (from --upstream-timeout): must be a whole number "
            "followed by ms, s, m or h, such as 1500ms, and at most a year\n"
            "  retry.max_attempts = \"0\" (from --max-attempts): must be from 1 to 10\n"
            "  drain.timeout = \"2h\" (from c.yaml:1): must be from 0s to 1h\n"
            "  no API key: set AYMARA_AI_API_KEY, or name a file that holds it with "
            "--api-key-file\n"
            "See evalrun-gateway --help.\n");
}

TEST(LoadConfigTest, RejectsUnreadableConfigFile) {
  const EarlyExit early_exit = ToEarlyExit(Load({.flags = {"--config=gone.yaml"}}));
  EXPECT_EQ(early_exit.exit_code, 2);
  EXPECT_THAT(early_exit.err, HasSubstr("configuration file: cannot read gone.yaml: No such file"));
  EXPECT_THAT(ToEarlyExit(Load({.flags = {"--config=huge.yaml"},
                                .files = {{"huge.yaml", std::string(2'000'000, '#')}}}))
                  .err,
              HasSubstr("too large"));
}

TEST(LoadConfigTest, RejectsMissingApiKey) {
  const EarlyExit early_exit = ToEarlyExit(Load({.environment = {}}));
  EXPECT_EQ(early_exit.exit_code, 2);
  EXPECT_THAT(early_exit.err, HasSubstr("AYMARA_AI_API_KEY"));
  EXPECT_THAT(early_exit.err, HasSubstr("--api-key-file"));
}

TEST(LoadConfigTest, CheckConfigMatchesStart) {
  EarlyExit early_exit = ToEarlyExit(Load({.flags = {"--check-config"}}));
  EXPECT_EQ(early_exit.exit_code, 0);
  EXPECT_EQ(early_exit.out, "configuration OK\n");
  EXPECT_EQ(early_exit.err, "");
  for (const LoadInput& given : {LoadInput{.flags = {"--check-config", "--max-attempts=99"}},
                                 LoadInput{.flags = {"--check-config"}, .environment = {}}}) {
    early_exit = ToEarlyExit(Load(given));
    EXPECT_EQ(early_exit.exit_code, 2);
    EXPECT_EQ(early_exit.out, "");
    EXPECT_THAT(early_exit.err, StartsWith("evalrun-gateway: configuration refused\n"));
  }
}

TEST(LoadConfigTest, PrintConfigRejectsInvalidConfig) {
  const EarlyExit early_exit =
      ToEarlyExit(Load({.flags = {"--print-config", "--max-attempts=99"}}));
  EXPECT_EQ(early_exit.exit_code, 2);
  EXPECT_EQ(early_exit.out, "");
}

TEST(LoadConfigTest, VersionAndHelpIgnoreOtherErrors) {
  EarlyExit early_exit =
      ToEarlyExit(Load({.flags = {"--version", "--nonsense"}, .environment = {}}));
  EXPECT_EQ(early_exit.exit_code, 0);
  EXPECT_EQ(early_exit.out, "evalrun-gateway " EVALRUN_VERSION "\n");
  early_exit =
      ToEarlyExit(Load({.flags = {"--help", "--nonsense", "--max-attempts=x"}, .environment = {}}));
  EXPECT_EQ(early_exit.exit_code, 0);
  EXPECT_EQ(early_exit.err, "");
  EXPECT_THAT(early_exit.out, StartsWith("Usage: evalrun-gateway [flags]\n"));
  EXPECT_THAT(early_exit.out,
              HasSubstr("  --upstream-timeout=DURATION  (default 10s)\n"
                        "      Longest time for one attempt, from connecting to the end of the "
                        "response.\n"));
  for (const char* flag : {"--config", "--check-config", "--print-config", "--version", "--help"}) {
    EXPECT_THAT(early_exit.out, HasSubstr(std::string("\n  ") + flag));
  }
}

}  // namespace
}  // namespace evalrun::config
