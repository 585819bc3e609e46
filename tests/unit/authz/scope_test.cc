// SPDX-License-Identifier: Apache-2.0
//
// Which calls a scope matches, whatever the spelling of the workspace.
#include "service/authz/scope.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rest_backend/deletion/resource_id.h"

namespace evalrun::authz {
namespace {

constexpr char kA[] = "7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34";
constexpr char kB[] = "7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c35";

// Equivalent spellings of kA that a caller or the author of a policy may use.
const std::vector<std::string> kSpellings = {
    "7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34",
    "7D9F3C52-8A41-4B6E-9D0C-2F5E8B1A7C34",
    "7d9f3c52-8A41-4b6e-9d0c-2f5e8b1a7c34",
    "workspace.7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34",
    "workspace.7D9F3C52-8A41-4B6E-9D0C-2F5E8B1A7C34",
    "ws_2.7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34",
};

// Spellings that some software on the way might take for kA. None of them is a well-formed id, so
// such a call is rejected before the policy is evaluated; and even if it were not, no scope with kA
// would match it.
const std::vector<std::string> kNotSpellings = {
    "%37d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34",
    "7d9f3c52%2d8a41-4b6e-9d0c-2f5e8b1a7c34",
    "7d9f3c528a414b6e9d0c2f5e8b1a7c34",
    "{7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34}",
    "urn:uuid:7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34",
    " 7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34",
    "7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34 ",
    "7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34\n",
    std::string("7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34\0", 37),
    "Workspace.7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34",
    "workspace.workspace.7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34",
    ".7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34",
    "7d9f3c52\xe2\x80\x91"
    "8a41-4b6e-9d0c-2f5e8b1a7c34",
    "7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34&workspace_uuid=x",
    "(unset)",
    "*",
    "",
};

TEST(ScopeTest, MatchesWorkspaceInEverySpelling) {
  for (const std::string& rule : kSpellings) {
    const Scope scope({"*"}, {rule});
    for (const std::string& asked : kSpellings) {
      EXPECT_TRUE(scope.Matches("ip:10.0.0.7", deletion::CanonicalId(asked)))
          << rule << " " << asked;
    }
    EXPECT_FALSE(scope.Matches("ip:10.0.0.7", deletion::CanonicalId(kB))) << rule;
    EXPECT_FALSE(scope.Matches("ip:10.0.0.7", "")) << rule;
  }
}

TEST(ScopeTest, DoesNotMatchMalformedIds) {
  const Scope scope({"*"}, {kA});
  for (const std::string& asked : kNotSpellings) {
    EXPECT_FALSE(deletion::IsWellFormedId(asked, deletion::IdFormat::kUuid)) << asked;
    EXPECT_FALSE(scope.Matches("ip:10.0.0.7", deletion::CanonicalId(asked))) << asked;
  }
}

TEST(ScopeTest, MatchesWorkspaces) {
  struct {
    std::vector<std::string> workspaces;
    std::string asked;  // in canonical form
    bool should_match;
  } const cases[] = {
      {{kA, kB}, kB, true},
      {{"7d9f*"}, kA, true},
      {{"7d9f*"}, "7d9e3c52-8a41-4b6e-9d0c-2f5e8b1a7c34", false},
      {{"team-a.*"}, "team-a.x", true},
      {{"team-a.*"}, "team-a", false},
      {{"Team"}, "team", false},  // ids that are not UUIDs are case-sensitive
      {{"*"}, kA, true},
      {{"*"}, "", false},  // an unset workspace is not matched by `*`
      {{"(unset)"}, "", true},
      {{"(unset)"}, kA, false},
      {{"(unset)", "*"}, "", true},
      {{"(unset)", "*"}, kA, true},
      {{}, kA, false},
      {{}, "", false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Scope({"*"}, c.workspaces).Matches("ip:10.0.0.7", c.asked), c.should_match)
        << ::testing::PrintToString(c.workspaces) << " " << c.asked;
  }
}

TEST(ScopeTest, MatchesIdentities) {
  struct {
    std::vector<std::string> identities;
    const char* caller;
    bool should_match;
  } const cases[] = {
      {{"spiffe://prod/ns/batch"}, "spiffe://prod/ns/batch", true},
      {{"spiffe://prod/ns/batch"}, "spiffe://prod/ns/batch2", false},
      {{"spiffe://prod/ns/batch"}, "spiffe://prod/ns/Batch", false},
      {{"spiffe://prod/ns/*"}, "spiffe://prod/ns/batch", true},
      {{"spiffe://prod/ns/*"}, "metadata:spiffe://prod/ns/batch", false},
      {{"metadata:Team"}, "metadata:team", false},
      {{"ip:10.0.0.7"}, "ip:10.0.0.70", false},
      {{"dns:batch", "ip:10.0.0.7"}, "ip:10.0.0.7", true},
      {{"*"}, "unknown", true},
      {{}, "ip:10.0.0.7", false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Scope(c.identities, {"*"}).Matches(c.caller, kA), c.should_match)
        << ::testing::PrintToString(c.identities) << " " << c.caller;
  }
}

}  // namespace
}  // namespace evalrun::authz
