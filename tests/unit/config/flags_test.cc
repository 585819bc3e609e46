// SPDX-License-Identifier: Apache-2.0

#include "service/config/flags.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Parsed {
  ParsedFlags flags;
  std::map<std::string, std::string> values;  // by key
  std::vector<std::string> errors;
};

Parsed Parse(const std::vector<const char*>& arguments) {
  std::vector<const char*> argv = {"evalrun-gateway"};
  for (const char* argument : arguments) argv.push_back(argument);
  Parsed parsed;
  parsed.flags = ParseFlags(static_cast<int>(argv.size()), argv.data(), &parsed.errors);
  for (const FlagValue& value : parsed.flags.values) {
    parsed.values[value.setting->name] = value.text;
  }
  return parsed;
}

using Values = std::map<std::string, std::string>;

TEST(ParseFlagsTest, ParsesKnownFlags) {
  const Parsed parsed =
      Parse({"--config", "c.yaml", "--listen", "a:1", "--upstream", "http://u", "--admin-listen",
             "b:2", "--upstream-timeout", "1500ms", "--max-attempts", "2", "--api-key-file", "k",
             "--check-config", "--print-config", "--version", "--help"});
  EXPECT_THAT(parsed.errors, IsEmpty());
  EXPECT_EQ(parsed.values, (Values{{"listen", "a:1"},
                                   {"upstream.url", "http://u"},
                                   {"admin_listen", "b:2"},
                                   {"upstream.timeout", "1500ms"},
                                   {"retry.max_attempts", "2"},
                                   {"upstream.api_key_file", "k"}}));
  EXPECT_EQ(parsed.flags.config_file, "c.yaml");
  EXPECT_TRUE(parsed.flags.check_config && parsed.flags.print_config && parsed.flags.version &&
              parsed.flags.help);
}

TEST(ParseFlagsTest, AcceptsBothValueSyntaxesAndLastWins) {
  EXPECT_EQ(Parse({"--listen=a:1"}).values, (Values{{"listen", "a:1"}}));
  EXPECT_EQ(Parse({"--listen", "a:1", "--listen=b=2"}).values, (Values{{"listen", "b=2"}}));
  EXPECT_EQ(Parse({"--api-key-file="}).values, (Values{{"upstream.api_key_file", ""}}));
  EXPECT_EQ(Parse({"--api-key-file", ""}).values, (Values{{"upstream.api_key_file", ""}}));
  EXPECT_EQ(Parse({"--api-key-file", "-"}).values, (Values{{"upstream.api_key_file", "-"}}));
  EXPECT_EQ(Parse({"--config=a", "--config=b"}).flags.config_file, "b");
}

TEST(ParseFlagsTest, BoolFlagWithoutValueIsTrue) {
  EXPECT_EQ(Parse({"--ids-opaque"}).values, (Values{{"ids.opaque", "true"}}));
  EXPECT_EQ(Parse({"--ids-opaque", "--listen=a:1"}).values,
            (Values{{"ids.opaque", "true"}, {"listen", "a:1"}}));
  EXPECT_EQ(Parse({"--ids-opaque=false"}).values, (Values{{"ids.opaque", "false"}}));
  EXPECT_THAT(Parse({"--ids-opaque", "false"}).errors,
              ElementsAre("argument 2: not a flag; flags begin with --"));
}

TEST(ParseFlagsTest, RejectsUnknownFlagsWithoutRevealingValues) {
  EXPECT_THAT(Parse({"--api-key=canary"}).errors,
              ElementsAre("--api-key: no such flag; did you mean --api-key-file?"));
  EXPECT_THAT(Parse({"--api-key", "canary"}).errors,
              ElementsAre("--api-key: no such flag; did you mean --api-key-file?"));
  EXPECT_THAT(Parse({"--retry-max-attempts=1"}).errors,
              ElementsAre("--retry-max-attempts: no such flag; did you mean --max-attempts?"));
  EXPECT_THAT(Parse({"canary", "-h", "--", "-", ""}).errors,
              ElementsAre("argument 1: not a flag; flags begin with --",
                          "argument 2: not a flag; flags begin with --",
                          "argument 3: not a flag; flags begin with --",
                          "argument 4: not a flag; flags begin with --",
                          "argument 5: not a flag; flags begin with --"));
  EXPECT_THAT(Parse({"--listen", "--ids-opaque"}).errors, ElementsAre("--listen: needs a value"));
  EXPECT_THAT(Parse({"--listen"}).errors, ElementsAre("--listen: needs a value"));
  EXPECT_THAT(Parse({"--config"}).errors, ElementsAre("--config: needs a value"));
  EXPECT_THAT(Parse({"--config="}).errors, ElementsAre("--config: needs the name of a file"));
  EXPECT_THAT(Parse({"--version=canary"}).errors, ElementsAre("--version: takes no value"));
  EXPECT_THAT(Parse({"--=x"}).errors, ElementsAre("--: no such flag"));
  EXPECT_THAT(Parse({"--a\nb"}).errors, ElementsAre("--a\\nb: no such flag"));
}

TEST(ParseFlagsTest, AcceptsNoArguments) {
  std::vector<std::string> errors;
  EXPECT_THAT(ParseFlags(0, nullptr, &errors).values, IsEmpty());
  EXPECT_THAT(Parse({}).errors, IsEmpty());
}

}  // namespace
}  // namespace evalrun::config
