// SPDX-License-Identifier: Apache-2.0
//
// The output of --print-config can be loaded again.
#include <string>

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "service/config/field_value.h"
#include "service/config/yaml_reader.h"
#include "service/config/yaml_writer.h"
#include "tests/unit/config/lists.pb.h"
#include "tests/unit/config/load.h"

namespace evalrun::config {
namespace {

using google::protobuf::util::MessageDifferencer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// A value other than the default, for every setting.
std::string OtherValue(const SettingInfo& setting) {
  const v1::Setting& schema = GetSetting(setting.field());
  if (schema.max() != schema.default_value() && !schema.max().empty()) return schema.max();
  if (!schema.min().empty()) return schema.min();
  switch (setting.field()->cpp_type()) {
    case google::protobuf::FieldDescriptor::CPPTYPE_BOOL:
      return schema.default_value() == "true" ? "false" : "true";
    case google::protobuf::FieldDescriptor::CPPTYPE_ENUM:
      return Placeholder(setting.field()).substr(Placeholder(setting.field()).rfind('|') + 1);
    default:
      break;
  }
  switch (schema.format()) {
    case v1::FORMAT_LISTEN_ADDRESS:
      return "[::1]:" + std::to_string(setting.name.size());
    case v1::FORMAT_UPSTREAM_URL:
      return "http://[::1]:8080/a:b";
    case v1::FORMAT_PROXY_URL:
      return "http://proxy:3128";
    default:
      return "/run/# 'secrets': \"\xc3\xa9\" {x}";
  }
}

TEST(RoundTripTest, EverySettingRoundTrips) {
  v1::GatewayConfig config;
  SetDefaults(&config);
  Sources sources;
  for (const SettingInfo& setting : AllSettings()) {
    ASSERT_TRUE(
        SetFromText(setting.field(), OtherValue(setting), MutableParent(setting, &config)).ok());
    EXPECT_NE(FieldText(*MutableParent(setting, &config), setting.field()),
              GetSetting(setting.field()).default_value());
    sources[setting.name] = "somewhere: # \"else\"";
  }
  v1::GatewayConfig back;  // without any defaults
  Sources back_sources;
  std::vector<std::string> errors;
  const std::string yaml = WriteYaml(config, sources);
  ReadYaml(yaml, "printed", &back, &back_sources, &errors);
  EXPECT_THAT(errors, IsEmpty()) << yaml;
  EXPECT_TRUE(MessageDifferencer::Equals(config, back)) << yaml;
  EXPECT_EQ(back_sources.size(), AllSettings().size());
}

TEST(RoundTripTest, YamlSpecialTextRoundTrips) {
  for (const char* text :
       {"",   "null", "~",  "true", "7", "- a", "a: b", "#",  "@",  "*",           "&x",
        "!x", "'",    "\"", "%",    "[", "?",   "a ",   " a", "<<", "\xe2\x80\xa8"}) {
    v1::GatewayConfig config;
    SetDefaults(&config);
    config.mutable_upstream()->set_api_key_file(text);
    v1::GatewayConfig back;
    Sources sources;
    std::vector<std::string> errors;
    ReadYaml(WriteYaml(config, {}), "printed", &back, &sources, &errors);
    EXPECT_THAT(errors, IsEmpty()) << text;
    EXPECT_EQ(back.upstream().api_key_file(), text);
  }
}

TEST(RoundTripTest, ListsRoundTrip) {
  test::Lists lists;
  EXPECT_EQ(WriteYaml(lists, {}), "rules:\n  []\nnames:\n  []\nwaits:\n  []\n");
  lists.add_rules()->set_name("a");
  lists.add_rules()->set_limit(3);
  lists.add_names("x");
  lists.add_waits()->set_seconds(90);
  test::Lists back;
  Sources sources;
  std::vector<std::string> errors;
  const std::string yaml = WriteYaml(lists, {});
  ReadYaml(yaml, "printed", &back, &sources, &errors);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_TRUE(MessageDifferencer::Equals(lists, back)) << yaml;
}

TEST(PrintConfigTest, PrintsValuesWithSources) {
  const EarlyExit early_exit = ToEarlyExit(
      Load({.flags = {"--print-config", "--upstream-timeout=1500ms", "--config=c.yaml"},
            .environment = {{"AYMARA_AI_API_KEY", "canary"}, {"EVALRUN_LOG_LEVEL", "debug"}},
            .files = {{"c.yaml", "retry: {max_attempts: 5}\n"}}}));
  EXPECT_EQ(early_exit.exit_code, 0);
  EXPECT_EQ(early_exit.err, "");
  EXPECT_THAT(early_exit.out, StartsWith("# evalrun-gateway " EVALRUN_VERSION
                                         "\n# API key: from AYMARA_AI_API_KEY, ****\n"));
  EXPECT_THAT(early_exit.out, HasSubstr("\n  timeout: 1500ms  # from --upstream-timeout\n"));
  EXPECT_THAT(early_exit.out, HasSubstr("\n  level: debug  # from EVALRUN_LOG_LEVEL\n"));
  EXPECT_THAT(early_exit.out, HasSubstr("\n  max_attempts: 5  # from c.yaml:1\n"));
  EXPECT_THAT(early_exit.out, HasSubstr("\n  connect_timeout: 2s\n"));

  const LoadResult again =
      Load({.flags = {"--config=printed"}, .files = {{"printed", early_exit.out}}});
  ASSERT_TRUE(std::holds_alternative<LoadedConfig>(again)) << ToEarlyExit(again).err;
  EXPECT_EQ(std::get<LoadedConfig>(again).config.retry().max_attempts(), 5U);
  EXPECT_EQ(std::get<LoadedConfig>(again).config.log().level(), v1::Log::LEVEL_DEBUG);
}

TEST(PrintConfigTest, SaysTheSameAfterAReloadButForSources) {
  const EarlyExit printed = ToEarlyExit(
      Load({.flags = {"--print-config"}, .environment = {{"AYMARA_AI_API_KEY", "canary"}}}));
  const LoadResult loaded = Load({.environment = {{"AYMARA_AI_API_KEY", "canary"}}});
  ASSERT_TRUE(std::holds_alternative<LoadedConfig>(loaded));
  std::string expected = printed.out;
  expected.insert(expected.find("listen:"), "# after a reload, without sources\n");
  EXPECT_EQ(PrintReloaded(std::get<LoadedConfig>(loaded)), expected);
}

TEST(PrintConfigTest, AKeyInPlaceOfItsFileIsNotShown) {
  const EarlyExit early_exit =
      ToEarlyExit(Load({.flags = {"--print-config", "--api-key-file=canary"}, .environment = {}}));
  EXPECT_EQ(early_exit.exit_code, 0);
  EXPECT_THAT(early_exit.out, HasSubstr("api_key_file: \"****\"  # from --api-key-file\n"));
  EXPECT_THAT(early_exit.out, ::testing::Not(HasSubstr("canary")));
}

TEST(PrintConfigTest, WorksWithoutApiKey) {
  const EarlyExit early_exit = ToEarlyExit(Load({.flags = {"--print-config"}, .environment = {}}));
  EXPECT_EQ(early_exit.exit_code, 0);
  EXPECT_THAT(early_exit.out, HasSubstr("# API key: none (no API key: set AYMARA_AI_API_KEY"));
}

}  // namespace
}  // namespace evalrun::config
