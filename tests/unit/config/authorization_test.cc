// What the section `authorization` allows.
#include "service/config/authorization.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/config/field_value.h"
#include "service/config/validate.h"
#include "service/config/yaml_reader.h"

namespace evalrun::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> FindErrors(const std::string& rule, bool opaque_ids = false) {
  v1::GatewayConfig config;
  SetDefaults(&config);
  Sources sources;
  std::vector<std::string> errors;
  ReadYaml("authorization: {rules: [" + rule + "]}\n", "gateway.yaml", &config, &sources, &errors);
  config.mutable_ids()->set_opaque(opaque_ids);
  Validate(config, sources, &errors);
  return errors;
}

TEST(AuthorizationTest, ValidatesIdentities) {
  for (const char* identity :
       {"spiffe://prod/batch", "spiffe://prod/*", "spiffe://prod", "'dns:batch.internal'",
        "'dns:*'", "'metadata:Team-A'", "'ip:10.0.0.7'", "'ip:fe80::1%eth0'", "'*'"}) {
    EXPECT_THAT(FindErrors("{identities: [" + std::string(identity) + "], workspaces: ['*']}"),
                IsEmpty())
        << identity;
  }
  for (const char* identity :
       {"''", "batch", "unix", "s*", "'un*'", "'dns:Batch.internal'", "spiffe://prod*",
        "spiffe://*", "'spiffe://a b/c'", "'spiffe://a/*/c'", "'x509:a'", "'metadata:\xc3\xa9'"}) {
    EXPECT_THAT(FindErrors("{identities: [" + std::string(identity) + "], workspaces: ['*']}"),
                ElementsAre(AllOf(HasSubstr("authorization.rules[0].identities[0] = "),
                                  HasSubstr(": must "))))
        << identity;
  }
}

TEST(AuthorizationTest, ValidatesWorkspaces) {
  struct {
    const char* workspace;
    bool as_uuid;
    bool as_opaque;
  } const cases[] = {
      {"'*'", true, true},
      {"(unset)", true, true},
      {"7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34", true, true},
      {"workspace.7D9F3C52-8A41-4b6e-9d0c-2f5e8b1a7c34", true, true},
      {"7d9f*", true, true},
      {"7d9f3c52-8*", true, true},
      {"7D9F*", false, true},
      {"7d9f-*", false, true},
      {"7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34*", true, true},
      {"7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c345*", false, true},
      {"workspace.*", false, true},
      {"workspace.7d9f*", false, true},
      {"team-a", false, true},
      {"team-*", false, true},
      {"default", false, true},
      {"''", false, false},
      {"unset()", false, false},
      {"'*7d9f'", false, false},
      {"'%37*'", false, false},
      {"'a b'", false, false},
  };
  for (const auto& c : cases) {
    const std::string rule = "{identities: ['*'], workspaces: [" + std::string(c.workspace) + "]}";
    EXPECT_EQ(FindErrors(rule).empty(), c.as_uuid) << c.workspace;
    EXPECT_EQ(FindErrors(rule, /*opaque_ids=*/true).empty(), c.as_opaque) << c.workspace;
  }
}

TEST(AuthorizationTest, RejectsRuleThatAllowsNothing) {
  EXPECT_THAT(FindErrors("{identities: ['*']}"),
              ElementsAre(HasSubstr("must have identities and")));
  EXPECT_THAT(FindErrors("{workspaces: ['*']}"),
              ElementsAre(HasSubstr("must have identities and")));
}

}  // namespace
}  // namespace evalrun::config
