// SPDX-License-Identifier: Apache-2.0
//
// A recognisable secret is put wherever one can be put, rightly or by mistake: no output may
// contain it.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/load.h"

namespace evalrun::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

#define CANARY "cAnArY7"

std::vector<LoadInput> Cases() {
  const Environment key = {{"AYMARA_AI_API_KEY", CANARY}};
  static const std::string kRing = "upstream: {keys: [{name: a, file: k, identities: ['*']}]}";
  static const std::string kLongKey = CANARY + std::string(5000, 'x');
  return {
      {.environment = key},
      {.flags = {"--listen=x"}, .environment = key},
      {.environment = {{"AYMARA_AI_API_KEY", CANARY " x"}}},
      {.environment = {{"AYMARA_AI_API_KEY", CANARY "\n\n"}}},
      {.environment = {{"AYMARA_AI_API_KEY", CANARY "\xff"}}},
      {.environment = {{"AYMARA_AI_API_KEY", kLongKey}}},
      {.flags = {"--api-key-file=k"}, .files = {{"k", CANARY "\r\n"}}},
      {.flags = {"--api-key-file=k"}, .files = {{"k", CANARY "\r"}}},
      {.flags = {"--api-key-file=k"}, .files = {{"k", "a " CANARY}}},
      {.flags = {"--api-key-file=k"}, .files = {{"k", kLongKey}}},
      // The key file is given as the configuration file.
      {.flags = {"--config=k"}, .environment = key, .files = {{"k", CANARY}}},
      {.flags = {"--config=k"}, .environment = key, .files = {{"k", "- " CANARY}}},
      // Additional keys for some calls.
      {.flags = {"--config=c"}, .environment = key, .files = {{"c", kRing}, {"k", CANARY}}},
      {.flags = {"--config=c"}, .environment = key, .files = {{"c", kRing}, {"k", "a " CANARY}}},
      {.flags = {"--config=c"}, .environment = key, .files = {{"c", kRing}, {"k", kLongKey}}},
      {.flags = {"--config=c"},
       .environment = key,
       .files = {{"c", "upstream: {keys: [{name: a, key: " CANARY "}]}"}}},
      // A key in the wrong place.
      {.flags = {CANARY}, .environment = key},
      {.flags = {"--api-key", CANARY}, .environment = key},
      {.flags = {"--api-key=" CANARY}, .environment = key},
      {.flags = {"--version=" CANARY}, .environment = key},
      {.flags = {"--ids-opaque", CANARY}, .environment = key},
      {.environment = {{"EVALRUN_API_KEY", CANARY}}},
      {.flags = {"--config=c"}, .environment = key, .files = {{"c", "api_key: " CANARY}}},
      {.flags = {"--config=c"}, .environment = key, .files = {{"c", "upstream: [" CANARY "]"}}},
      {.flags = {"--config=c"}, .environment = key, .files = {{"c", "upstream: " CANARY}}},
      // Credentials in URLs.
      {.flags = {"--upstream-proxy=http://u:" CANARY "@h:1"}, .environment = key},
      {.flags = {"--upstream-proxy=http://" CANARY "@h:1"}, .environment = key},
      {.flags = {"--upstream-proxy=http://u:" CANARY "@h:1/path"}, .environment = key},
      {.flags = {"--upstream-proxy=http://u:x@" CANARY "@h:1"}, .environment = key},
      {.flags = {"--upstream-proxy=u:" CANARY "@h:1"}, .environment = key},
      {.flags = {"--upstream-proxy=http://u:" CANARY "\n@h:1"}, .environment = key},
      {.flags = {"--upstream=https://u:" CANARY "@h/v2"}, .environment = key},
      {.environment = {{"AYMARA_AI_API_KEY", CANARY},
                       {"EVALRUN_UPSTREAM_PROXY", "http://u:" CANARY "@h"}}},
      {.flags = {"--config=c"},
       .environment = key,
       .files = {{"c", "upstream: {proxy: \"http://u:" CANARY "@h\"}"}}},
      {.flags = {"--config=c"},
       .environment = key,
       .files = {{"c", "upstream: {proxy: {url: \"http://u:" CANARY "@h\"}}"}}},
  };
}

TEST(CanaryTest, SecretNeverReachesOutput) {
  for (const char* action : {"", "--print-config", "--check-config", "--help"}) {
    int number = 0;
    for (LoadInput given : Cases()) {
      if (*action != '\0') given.flags.push_back(action);
      const LoadResult result = Load(given);
      const EarlyExit early_exit = ToEarlyExit(result);
      EXPECT_THAT(early_exit.out, Not(HasSubstr(CANARY))) << action << " case " << number;
      EXPECT_THAT(early_exit.err, Not(HasSubstr(CANARY))) << action << " case " << number;
      if (const auto* loaded = std::get_if<LoadedConfig>(&result)) {
        EXPECT_THAT(loaded->api_key_source, Not(HasSubstr(CANARY)));
      }
      ++number;
    }
  }
}

TEST(CanaryTest, MasksProxyCredentials) {
  const EarlyExit early_exit =
      ToEarlyExit(Load({.flags = {"--print-config", "--upstream-proxy=http://u:p@h:1"}}));
  EXPECT_EQ(early_exit.exit_code, 0);
  EXPECT_THAT(early_exit.out, HasSubstr("proxy: http://****@h:1"));
  const EarlyExit again =
      ToEarlyExit(Load({.flags = {"--config=c"}, .files = {{"c", early_exit.out}}}));
  EXPECT_EQ(again.exit_code, 2) << "a masked proxy is not taken for a real one";
  EXPECT_THAT(again.err, HasSubstr("masked by --print-config"));
}

}  // namespace
}  // namespace evalrun::config
