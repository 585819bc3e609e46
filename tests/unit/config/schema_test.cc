// SPDX-License-Identifier: Apache-2.0
//
// Properties of config.proto that the code relies on.
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/config/duration.h"
#include "service/config/field_value.h"
#include "service/config/parse_config.h"
#include "service/config/setting_registry.h"

namespace evalrun::config {
namespace {

using google::protobuf::FieldDescriptor;
using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::IsEmpty;

TEST(SchemaTest, EverySettingHasSupportedType) {
  for (const SettingInfo& setting : AllSettings()) {
    EXPECT_THAT(setting.field()->cpp_type(),
                AnyOf(FieldDescriptor::CPPTYPE_STRING, FieldDescriptor::CPPTYPE_BOOL,
                      FieldDescriptor::CPPTYPE_UINT32, FieldDescriptor::CPPTYPE_ENUM,
                      FieldDescriptor::CPPTYPE_MESSAGE))
        << setting.name;
    if (setting.field()->enum_type() != nullptr) {
      EXPECT_THAT(setting.field()->enum_type()->value(0)->name(), EndsWith("UNSPECIFIED"));
      EXPECT_EQ(setting.field()->enum_type()->value(0)->number(), 0);
    }
  }
}

TEST(SchemaTest, EverySettingAndSectionHasHelp) {
  for (const SettingInfo& setting : AllSettings()) {
    for (const FieldDescriptor* field : setting.path) {
      const std::string& help = GetSetting(field).help();
      EXPECT_THAT(help, EndsWith(".")) << field->full_name();
      EXPECT_EQ(help.find('\n'), std::string::npos) << field->full_name();
      EXPECT_EQ(help.find("  "), std::string::npos) << field->full_name();
    }
    EXPECT_THAT(Summary(GetSetting(setting.field())),
                ContainsRegex("^[A-Z][^`]*(`[^`]*`[^`]*)*\\.$"))
        << setting.name << ": the first sentence ends in the middle of something";
    EXPECT_LE(Summary(GetSetting(setting.field())).size(), 94U) << setting.name << " in --help";
  }
}

TEST(SchemaTest, ListSettingsHaveHelpAndBounds) {
  for (const SettingInfo& setting : AllListSettings()) {
    const v1::Setting& schema = GetSetting(setting.field());
    for (const FieldDescriptor* field : setting.path) {
      EXPECT_THAT(GetSetting(field).help(), EndsWith(".")) << setting.name;
    }
    const auto type = setting.field()->cpp_type();
    const bool bounded =
        type == FieldDescriptor::CPPTYPE_UINT32 || type == FieldDescriptor::CPPTYPE_MESSAGE;
    EXPECT_EQ(!schema.min().empty(), bounded) << setting.name;
    EXPECT_EQ(!schema.max().empty(), bounded) << setting.name;
    EXPECT_THAT(setting.flag, IsEmpty()) << setting.name;
  }
}

TEST(SchemaTest, NumbersAndDurationsHaveValidBounds) {
  for (const SettingInfo& setting : AllSettings()) {
    const v1::Setting& schema = GetSetting(setting.field());
    const auto type = setting.field()->cpp_type();
    const bool bounded =
        type == FieldDescriptor::CPPTYPE_UINT32 || type == FieldDescriptor::CPPTYPE_MESSAGE;
    EXPECT_EQ(!schema.min().empty(), bounded) << setting.name;
    EXPECT_EQ(!schema.max().empty(), bounded) << setting.name;
    if (!bounded) continue;
    v1::GatewayConfig config;
    EXPECT_TRUE(SetFromText(setting.field(), schema.min(), MutableParent(setting, &config)).ok());
    EXPECT_TRUE(SetFromText(setting.field(), schema.max(), MutableParent(setting, &config)).ok());
  }
}

TEST(SchemaTest, DefaultsAreValid) {
  v1::GatewayConfig config;
  for (const SettingInfo& setting : AllSettings()) {
    const std::string& text = GetSetting(setting.field()).default_value();
    EXPECT_TRUE(SetFromText(setting.field(), text, MutableParent(setting, &config)).ok())
        << setting.name;
  }
  v1::GatewayConfig defaults;
  SetDefaults(&defaults);
  EXPECT_EQ(config.SerializeAsString(), defaults.SerializeAsString());
  std::vector<std::string> errors;
  (void)ParseConfig(defaults, {}, &errors);
  EXPECT_THAT(errors, IsEmpty());
}

TEST(SchemaTest, FlagsAndVariablesAreUnique) {
  // Flags and variables that are not settings.
  std::set<std::string> names = {"config", "check-config",   "print-config", "version",
                                 "help",   "EVALRUN_CONFIG", "api-key"};
  for (const SettingInfo& setting : AllSettings()) {
    EXPECT_TRUE(names.insert(setting.flag).second) << setting.flag;
    EXPECT_TRUE(names.insert(setting.variable).second) << setting.variable;
    EXPECT_EQ(FindFlag(setting.flag), &setting);
  }
}

TEST(SchemaTest, DerivesFlagAndVariableNames) {
  const SettingInfo* setting = FindFlag("upstream-connect-timeout");
  ASSERT_NE(setting, nullptr);
  EXPECT_EQ(setting->name, "upstream.connect_timeout");
  EXPECT_EQ(setting->variable, "EVALRUN_UPSTREAM_CONNECT_TIMEOUT");
  EXPECT_EQ(FindFlag("upstream-url"), nullptr);
  EXPECT_EQ(FindFlag("upstream")->variable, "EVALRUN_UPSTREAM");
  EXPECT_EQ(FindFlag("api-key-file")->variable, "EVALRUN_API_KEY_FILE");
  EXPECT_EQ(FindFlag("max-attempts")->variable, "EVALRUN_MAX_ATTEMPTS");
}

}  // namespace
}  // namespace evalrun::config
