// SPDX-License-Identifier: Apache-2.0
//
// Validation of the section `limits`.
#include "service/config/limit_rules.h"

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/load.h"

namespace evalrun::config {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A valid rule, with other fields added.
std::string Rule(const std::string& other) {
  return "limits:\n  rules:\n  - {name: a, by: caller, rate: 10/s, burst: 5, " + other + "}\n";
}

TEST(RateTest, ParsesCallsPerSecondMinuteOrHour) {
  const struct {
    const char* text;
    Rate rate;
  } cases[] = {
      {"100/s", {.calls = 100, .period = 1s}},
      {"600/m", {.calls = 600, .period = 60s}},
      {"1/h", {.calls = 1, .period = 3600s}},
      {"1000000/s", {.calls = 1'000'000, .period = 1s}},
  };
  for (const auto& [text, rate] : cases) {
    EXPECT_EQ(ParseRate(text).value_or(Rate{}), rate) << text;
    EXPECT_EQ(ParseOverrideRate(text).value_or(std::nullopt), rate) << text;
  }
  for (const char* text : {"",
                           "/",
                           "/s",
                           "0/s",
                           "01/s",
                           "-1/s",
                           "+1/s",
                           "1.5/s",
                           "1 /s",
                           " 1/s",
                           "1/s ",
                           "1/ s",
                           "1s",
                           "1/",
                           "1/d",
                           "1/ss",
                           "1/S",
                           "1000001/s",
                           "99999999999999999999/s",
                           "unlimited",
                           "s/1"}) {
    EXPECT_FALSE(ParseRate(text).ok()) << text;
  }
  ASSERT_TRUE(ParseOverrideRate("unlimited").ok());
  EXPECT_EQ(*ParseOverrideRate("unlimited"), std::nullopt);
  EXPECT_FALSE(ParseOverrideRate("none").ok());
}

TEST(LimitsTest, NoRulesByDefault) {
  LoadedConfig loaded;
  EXPECT_THAT(FindErrors("", &loaded), IsEmpty());
  EXPECT_THAT(loaded.limit_rules, IsEmpty());
  EXPECT_EQ(loaded.config.limits().replicas(), 1U);
  EXPECT_FALSE(loaded.limits_redis.has_value());
}

TEST(LimitsTest, ParsesEveryKindOfRule) {
  LoadedConfig loaded;
  EXPECT_THAT(FindErrors("limits:\n"
                         "  replicas: 3\n"
                         "  max_keys: 5000\n"
                         "  rules:\n"
                         "  - name: per-caller\n"
                         "    by: caller\n"
                         "    rate: 20/s\n"
                         "    burst: 40\n"
                         "    overrides:\n"
                         "    - {pattern: 'spiffe://prod/batch/*', rate: 100/s}\n"
                         "    - {pattern: 'spiffe://prod/ops', rate: unlimited}\n"
                         "    - {pattern: 'dns:a', rate: 1/s, burst: 7}\n"
                         "  - {name: per-workspace, by: workspace, rate: 600/m, burst: 60}\n"
                         "  - {name: vendor, by: upstream_key, rate: 1000/h, burst: 10}\n"
                         "  - {name: all, by: gateway, rate: 500/s, burst: 500, shadow: true}\n",
                         &loaded),
              IsEmpty());
  const std::vector<ratelimit::LimitRule>& rules = loaded.limit_rules;
  ASSERT_THAT(rules, SizeIs(4));
  EXPECT_EQ(rules[0].name, "per-caller");
  EXPECT_EQ(rules[0].by, ratelimit::LimitedBy::kCaller);
  EXPECT_EQ(rules[0].quota, (ratelimit::Quota{.interval = 50'000'000, .burst = 40}));
  EXPECT_FALSE(rules[0].shadow);
  ASSERT_THAT(rules[0].overrides, SizeIs(3));
  EXPECT_EQ(rules[0].overrides[0].pattern, "spiffe://prod/batch/*");
  EXPECT_EQ(rules[0].overrides[0].quota, (ratelimit::Quota{.interval = 10'000'000, .burst = 40}))
      << "the burst is the rule's own";
  EXPECT_EQ(rules[0].overrides[1].quota, std::nullopt);
  EXPECT_EQ(rules[0].overrides[2].quota, (ratelimit::Quota{.interval = 1'000'000'000, .burst = 7}));
  EXPECT_EQ(rules[1].by, ratelimit::LimitedBy::kWorkspace);
  EXPECT_EQ(rules[1].quota, (ratelimit::Quota{.interval = 100'000'000, .burst = 60}));
  EXPECT_EQ(rules[2].by, ratelimit::LimitedBy::kUpstreamKey);
  EXPECT_EQ(rules[3].by, ratelimit::LimitedBy::kGateway);
  EXPECT_TRUE(rules[3].shadow);
}

TEST(LimitsTest, RequiresEveryRuleField) {
  EXPECT_THAT(FindErrors("limits: {rules: [{}]}\n"),
              ElementsAre(HasSubstr("limits.rules[0].name = \"\""),
                          HasSubstr("limits.rules[0].rate = \"\""),
                          "limits.rules[0].burst = \"0\" (default): must be from 1 to 1000000",
                          "limits.rules[0].by: must be one of caller, workspace, upstream_key, "
                          "gateway"));
}

TEST(LimitsTest, ErrorNamesField) {
  const struct {
    std::string yaml;
    std::string error;
  } cases[] = {
      {"limits: {rules: [{name: A, by: caller, rate: 1/s, burst: 1}]}\n",
       "limits.rules[0].name = \"A\" (from gateway.yaml:1): must be 1 to 64 of a-z 0-9 - _"},
      {"limits: {rules: [{name: a, by: user, rate: 1/s, burst: 1}]}\n",
       "limits.rules[0].by = \"user\" (from gateway.yaml:1): must be one of caller, workspace, "
       "upstream_key, gateway"},
      {"limits: {rules: [{name: a, by: caller, rate: 1/d, burst: 1}]}\n",
       "limits.rules[0].rate = \"1/d\" (from gateway.yaml:1): must be a number of calls"},
      {"limits: {rules: [{name: a, by: caller, rate: 1/h, burst: 25}]}\n",
       "limits.rules[0].burst: must be no more than the rate allows in 24 hours"},
      {Rule("overrides: [{pattern: 'a*b', rate: 1/s}]"),
       "limits.rules[0].overrides[0].pattern = \"a*b\" (from gateway.yaml:3): must be 1 to 512"},
      {Rule("overrides: [{pattern: a}]"),
       "limits.rules[0].overrides[0].rate = \"\" (default): must be a rate, such as"},
      {Rule("overrides: [{pattern: a, rate: 1/s}, {pattern: a, rate: 2/s}]"),
       "limits.rules[0].overrides[1].pattern: must not be the pattern of another override"},
      {Rule("overrides: [{pattern: a, rate: 1/h, burst: 25}]"),
       "limits.rules[0].overrides[0].burst: must be no more than the rate allows in 24 hours"},
      {Rule("limit: 7"), "limits.rules[0].limit (gateway.yaml:3): unknown key"},
      {"limits: {replicas: 0}\n", "limits.replicas = \"0\" (from gateway.yaml:1): must be from 1"},
      {"limits: {rules: {name: a}}\n", "limits.rules (gateway.yaml:1): must be a list"},
      {"limits:\n  rules:\n  - {name: a, by: gateway, rate: 1/s, burst: 1}\n"
       "  - {name: a, by: caller, rate: 1/s, burst: 1}\n",
       "limits.rules[1].name: must not be the name of another rule"},
      {"limits:\n  rules:\n  - {name: a, by: gateway, rate: 1/s, burst: 1, overrides: [{pattern: "
       "a, rate: 2/s}]}\n",
       "limits.rules[0].overrides: must be empty"},
  };
  for (const auto& [yaml, error] : cases) {
    const std::vector<std::string> errors = FindErrors(yaml);
    EXPECT_THAT(errors, ::testing::Contains(HasSubstr(error))) << yaml;
    EXPECT_LE(errors.size(), 2U) << yaml << ::testing::PrintToString(errors);
  }
}

TEST(LimitsTest, ParsesRedisSettings) {
  LoadedConfig loaded;
  EXPECT_THAT(FindErrors("limits:\n"
                         "  replicas: 3\n"
                         "  redis: {address: 'redis:6379', username: evalrun, password_file: /p}\n",
                         &loaded),
              IsEmpty());
  EXPECT_EQ(loaded.limits_redis, (text::HostPort{"redis", 6379}));
  const struct {
    const char* limits;
    const char* error;
  } cases[] = {
      {"{replicas: 3, redis: {address: redis}}",
       "limits.redis.address = \"redis\" (from gateway.yaml:1): must be HOST:PORT, such as "},
      {"{replicas: 3, redis: {address: 'redis:0'}}", "limits.redis.address = \"redis:0\""},
      {"{redis: {address: 'redis:6379'}}",
       "limits.redis.address: must come with limits.replicas above 1"},
      {"{replicas: 3, redis: {password_file: /p}}", "limits.redis: must have an address"},
      {"{replicas: 3, redis: {address: 'redis:6379', username: evalrun}}",
       "limits.redis.username: must come with limits.redis.password_file"},
  };
  for (const auto& [limits, error] : cases) {
    EXPECT_THAT(FindErrors(std::string("limits: ") + limits + "\n"), ElementsAre(HasSubstr(error)))
        << limits;
  }
}

TEST(PasswordTest, ReadsOneLineFile) {
  const auto read = [](const std::string& content) {
    return ReadPassword("/p", [&](const std::string&, std::size_t) { return content; });
  };
  EXPECT_EQ(*read("secret word"), "secret word");
  EXPECT_EQ(*read("secret\n"), "secret");
  EXPECT_EQ(*read("secret\r\n"), "secret");
  for (const char* content : {"", "\n", "canary\ncanary"}) {
    EXPECT_EQ(read(content).status().message(), "/p: must hold a password on one line");
  }
}

TEST(PasswordTest, UnreadableFileFailsStart) {
  const EarlyExit early_exit =
      ToEarlyExit(Load({.flags = {"--config=c.yaml"},
                        .files = {{"c.yaml",
                                   "limits:\n"
                                   "  replicas: 3\n"
                                   "  redis: {address: 'redis:6379', password_file: /p}\n"}}}));
  EXPECT_EQ(early_exit.exit_code, 2);
  EXPECT_THAT(early_exit.err, HasSubstr("limits.redis.password_file: cannot read /p"));
}

TEST(LimitsTest, RejectsMoreThan32Rules) {
  std::string yaml = "limits:\n  rules:\n";
  for (int i = 0; i < 32; ++i) {
    yaml += "  - {name: r" + std::to_string(i) + ", by: gateway, rate: 1/s, burst: 1}\n";
  }
  EXPECT_THAT(FindErrors(yaml), IsEmpty());
  yaml += "  - {name: one-more, by: gateway, rate: 1/s, burst: 1}\n";
  EXPECT_THAT(FindErrors(yaml), ElementsAre("limits.rules: must be at most 32"));
}

}  // namespace
}  // namespace evalrun::config
