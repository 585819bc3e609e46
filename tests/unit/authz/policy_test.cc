// SPDX-License-Identifier: Apache-2.0
//
// Decisions of the policy: allowed, denied, and denied in dry run.
#include "service/authz/policy.h"

#include <gtest/gtest.h>

namespace evalrun::authz {
namespace {

std::vector<Scope> Rules() {
  return {Scope({"spiffe://prod/batch/*"}, {"team-a", "(unset)"}), Scope({"ip:10.0.0.7"}, {"*"})};
}

TEST(AccessPolicyTest, DeniesUnlessARuleAllows) {
  struct {
    const char* caller;
    const char* workspace;
    AccessDecision enforced;
    AccessDecision dry_run;
  } const cases[] = {
      {"spiffe://prod/batch/1", "team-a", AccessDecision::kAllowed, AccessDecision::kAllowed},
      {"spiffe://prod/batch/1", "", AccessDecision::kAllowed, AccessDecision::kAllowed},
      {"spiffe://prod/batch/1", "team-b", AccessDecision::kDenied, AccessDecision::kDryRunDenied},
      {"ip:10.0.0.7", "team-b", AccessDecision::kAllowed, AccessDecision::kAllowed},
      {"ip:10.0.0.7", "", AccessDecision::kDenied, AccessDecision::kDryRunDenied},
      {"unknown", "team-a", AccessDecision::kDenied, AccessDecision::kDryRunDenied},
  };
  const AccessPolicy enforced(Rules(), /*dry_run=*/false);
  const AccessPolicy dry_run(Rules(), /*dry_run=*/true);
  for (const auto& c : cases) {
    EXPECT_EQ(enforced.Decide(c.caller, c.workspace), c.enforced) << c.caller << c.workspace;
    EXPECT_EQ(dry_run.Decide(c.caller, c.workspace), c.dry_run) << c.caller << c.workspace;
  }
}

TEST(AccessPolicyTest, NoDecisionWithoutRules) {
  EXPECT_EQ(AccessPolicy().Decide("ip:10.0.0.7", ""), AccessDecision::kNone);
  EXPECT_EQ(AccessPolicy({}, true).Decide("ip:10.0.0.7", ""), AccessDecision::kNone);
}

TEST(AccessPolicyTest, ReportsMode) {
  EXPECT_EQ(AccessPolicy().mode(), "off");
  EXPECT_EQ(AccessPolicy(Rules(), true).mode(), "dry_run");
  EXPECT_EQ(AccessPolicy(Rules(), false).mode(), "enforced");
}

}  // namespace
}  // namespace evalrun::authz
