// SPDX-License-Identifier: Apache-2.0
//
// Validation of the section `authorization`.
#include "service/config/authorization.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/load.h"

namespace evalrun::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> FindRuleErrors(const std::string& rule, bool opaque_ids = false) {
  return FindErrors(std::string(opaque_ids ? "ids: {opaque: true}\n" : "") +
                    "authorization: {rules: [" + rule + "]}\n");
}

TEST(AuthorizationTest, ValidatesIdentities) {
  for (const char* identity :
       {"spiffe://prod/batch", "spiffe://prod/*", "spiffe://prod", "'dns:batch.internal'",
        "'dns:*'", "'metadata:Team-A'", "'metadata:spiffe://prod/ns/*'", "'ip:10.0.0.7'",
        "'ip:fe80::1%eth0'", "'*'"}) {
    EXPECT_THAT(FindRuleErrors("{identities: [" + std::string(identity) + "], workspaces: ['*']}"),
                IsEmpty())
        << identity;
  }
  for (const char* identity :
       {"''", "batch", "unix", "s*", "'un*'", "'dns:Batch.internal'", "spiffe://prod*",
        "spiffe://*", "'metadata:spiffe://prod*'", "'spiffe://a b/c'", "'spiffe://a/*/c'",
        "'x509:a'", "'metadata:\xc3\xa9'"}) {
    EXPECT_THAT(FindRuleErrors("{identities: [" + std::string(identity) + "], workspaces: ['*']}"),
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
    EXPECT_EQ(FindRuleErrors(rule).empty(), c.as_uuid) << c.workspace;
    EXPECT_EQ(FindRuleErrors(rule, /*opaque_ids=*/true).empty(), c.as_opaque) << c.workspace;
  }
}

TEST(AuthorizationTest, RejectsRuleThatAllowsNothing) {
  EXPECT_THAT(FindRuleErrors("{identities: ['*']}"),
              ElementsAre(HasSubstr("must have identities and")));
  EXPECT_THAT(FindRuleErrors("{workspaces: ['*']}"),
              ElementsAre(HasSubstr("must have identities and")));
}

TEST(AuthorizationTest, AllowAllContradictsRules) {
  EXPECT_THAT(FindErrors("authorization: {allow_all: true}\n"), IsEmpty());
  EXPECT_THAT(
      FindErrors(
          "authorization: {allow_all: true, rules: [{identities: ['*'], workspaces: ['*']}]}\n"),
      ElementsAre(HasSubstr("authorization.allow_all: must be false with authorization.rules")));
}

TEST(AuthorizationTest, ParsesPolicy) {
  LoadedConfig loaded;
  EXPECT_THAT(FindErrors("", &loaded), IsEmpty());
  EXPECT_EQ(loaded.access_policy.mode(), "off");
  EXPECT_THAT(FindErrors("authorization:\n"
                         "  dry_run: true\n"
                         "  rules:\n"
                         "  - {identities: ['dns:a'], workspaces: ['7d9f*']}\n"
                         "  - {identities: ['dns:b'], workspaces: [(unset)]}\n",
                         &loaded),
              IsEmpty());
  const authz::AccessPolicy& policy = loaded.access_policy;
  EXPECT_EQ(policy.mode(), "dry_run");
  EXPECT_EQ(policy.Decide("dns:a", "7d9f3c52"), authz::AccessDecision::kAllowed);
  EXPECT_EQ(policy.Decide("dns:a", ""), authz::AccessDecision::kDryRunDenied);
  EXPECT_EQ(policy.Decide("dns:b", ""), authz::AccessDecision::kAllowed);
}

}  // namespace
}  // namespace evalrun::config
