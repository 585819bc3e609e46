// SPDX-License-Identifier: Apache-2.0

#include "service/config/field_value.h"

#include <string>

#include <gtest/gtest.h>

#include "service/config/setting_registry.h"

namespace evalrun::config {
namespace {

struct Case {
  const char* flag;
  std::string text;
  bool accepted;
};

TEST(SetFromTextTest, ParsesEachTypeStrictly) {
  const Case cases[] = {
      {"max-attempts", "0", true},
      {"max-attempts", "4294967295", true},
      {"max-attempts", "4294967296", false},
      {"max-attempts", "99999999999999999999", false},
      {"max-attempts", "", false},
      {"max-attempts", "-1", false},
      {"max-attempts", "+1", false},
      {"max-attempts", "010", false},
      {"max-attempts", "0x10", false},
      {"max-attempts", "1.0", false},
      {"max-attempts", "1_000", false},
      {"max-attempts", "1k", false},
      {"max-attempts", " 1", false},
      {"ids-opaque", "true", true},
      {"ids-opaque", "false", true},
      {"ids-opaque", "True", false},
      {"ids-opaque", "yes", false},
      {"ids-opaque", "1", false},
      {"ids-opaque", "", false},
      {"log-level", "debug", true},
      {"log-level", "error", true},
      {"log-level", "INFO", false},
      {"log-level", "LEVEL_INFO", false},
      {"log-level", "unspecified", false},
      {"log-level", "", false},
      {"upstream-timeout", "2s", true},
      {"upstream-timeout", "2", false},
      {"api-key-file", "", true},
      {"api-key-file", "/etc/cl\xc3\xa9", true},
      {"api-key-file", "/etc/cl\xe9", false},
      {"api-key-file", "a\nb", false},
      {"api-key-file", std::string("a\0b", 3), false},
  };
  for (const Case& c : cases) {
    v1::GatewayConfig config;
    SetDefaults(&config);
    const std::string before = config.SerializeAsString();
    const SettingInfo& setting = *FindFlag(c.flag);
    google::protobuf::Message* parent = MutableParent(setting, &config);
    EXPECT_EQ(SetFromText(setting.field(), c.text, parent).ok(), c.accepted) << c.flag << c.text;
    if (c.accepted) {
      EXPECT_EQ(FieldText(*parent, setting.field()), c.text);
    } else {
      EXPECT_EQ(config.SerializeAsString(), before) << "a rejected value changes nothing";
    }
  }
}

TEST(PlaceholderTest, ReturnsTypeName) {
  const auto placeholder = [](const char* flag) { return Placeholder(FindFlag(flag)->field()); };
  EXPECT_EQ(placeholder("listen"), "HOST:PORT");
  EXPECT_EQ(placeholder("upstream"), "URL");
  EXPECT_EQ(placeholder("api-key-file"), "FILE");
  EXPECT_EQ(placeholder("max-attempts"), "NUMBER");
  EXPECT_EQ(placeholder("ids-opaque"), "true|false");
  EXPECT_EQ(placeholder("upstream-timeout"), "DURATION");
  EXPECT_EQ(placeholder("log-level"), "debug|info|warn|error");
}

}  // namespace
}  // namespace evalrun::config
