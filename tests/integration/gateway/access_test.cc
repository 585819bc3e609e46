// SPDX-License-Identifier: Apache-2.0
//
// Authorization as callers, the log and Prometheus see it.
#include <signal.h>

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/config_file.h"
#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using grpc::StatusCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kOther[] = "7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c35";

// The caller is `metadata:` followed by a name that the test chooses.
const std::string kIdentity =
    "identity: {metadata_key: x-caller, trusted_networks: [127.0.0.0/8]}\n";
// Team A may delete in kWorkspace, team B in the API key's own workspace.
const std::string kRules =
    "  rules:\n"
    "    - {identities: ['metadata:team-a'], workspaces: [" +
    std::string(kWorkspace) +
    "]}\n"
    "    - {identities: ['metadata:team-b'], workspaces: [(unset)]}\n";

class AccessTest : public ::testing::Test {
 protected:
  void Start(const std::string& yaml, std::vector<std::string> flags = {}) {
    config_.emplace(kIdentity + yaml);
    flags.insert(flags.end(), {"--config", config_->path()});
    gateway_.emplace(GatewayProcess::Options{.upstream = upstream_.url(), .flags = flags});
    client_.emplace(gateway_->grpc_address());
  }

  DeleteReply Delete(const std::string& caller, std::optional<std::string> workspace,
                     std::vector<std::pair<std::string, std::string>> metadata = {}) {
    metadata.emplace_back("x-caller", caller);
    return client_->Delete({.workspace_uuid = std::move(workspace), .metadata = metadata});
  }

  double Decisions(const std::string& decision) {
    return gateway_
        ->Metric("gateway_authorization_decisions_total", {"decision=\"" + decision + "\""})
        .value_or(-1);
  }

  ScriptedUpstream upstream_{Respond(HttpReply(204))};
  std::optional<ConfigFile> config_;
  std::optional<GatewayProcess> gateway_;
  std::optional<DeleteClient> client_;
};

TEST_F(AccessTest, DeniesWhatNoRuleAllows) {
  Start("authorization:\n" + kRules);
  struct {
    const char* caller;
    std::optional<std::string> workspace;
    bool is_allowed;
  } const cases[] = {
      {"team-a", kWorkspace, true},    {"team-a", kOther, false},
      {"team-a", std::nullopt, false}, {"team-b", std::nullopt, true},
      {"team-b", kWorkspace, false},   {"team-c", kWorkspace, false},
      {"team-c", std::nullopt, false}, {"Team-a", kWorkspace, false},
  };
  std::size_t allowed = 0;
  for (const auto& c : cases) {
    EXPECT_THAT(Delete(c.caller, c.workspace),
                HasCode(c.is_allowed ? StatusCode::OK : StatusCode::PERMISSION_DENIED))
        << c.caller << " " << c.workspace.value_or("(unset)");
    if (c.is_allowed) ++allowed;
  }
  EXPECT_EQ(upstream_.requests().size(), allowed);
  EXPECT_EQ(Decisions("allowed"), allowed);
  EXPECT_EQ(Decisions("denied"), std::size(cases) - allowed);
  EXPECT_EQ(Decisions("dry_run_denied"), 0);
}

TEST_F(AccessTest, DenialRevealsNothingAboutExistence) {
  Start("authorization:\n" + kRules);
  const DeleteReply reply = Delete("team-c", kWorkspace);
  EXPECT_THAT(reply, AllOf(IsWellFormedError(), HasCode(StatusCode::PERMISSION_DENIED),
                           HasReason("CALLER_NOT_ALLOWED"), HasDomain("evalrun-gateway"),
                           HasDeletion("not_performed"), HasAttempts(0)));
  EXPECT_EQ(reply.message, "this caller (metadata:team-c) may not delete in this workspace");
  EXPECT_THAT(reply, HasInfo("caller", "metadata:team-c")) << "its own identity alone";
  EXPECT_EQ(reply.details, 2) << "ErrorInfo and RequestInfo";
  EXPECT_EQ(reply.Trailing("grpc-retry-pushback-ms"), "-1");
  EXPECT_THAT(upstream_.requests(), IsEmpty());
}

TEST_F(AccessTest, MatchesWorkspaceInEverySpelling) {
  Start("authorization:\n" + kRules);
  for (const char* spelling :
       {"7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34", "7D9F3C52-8A41-4B6E-9D0C-2F5E8B1A7C34",
        "workspace.7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34",
        "x.7D9F3C52-8a41-4b6e-9d0c-2f5e8b1a7c34"}) {
    EXPECT_THAT(Delete("team-a", spelling), HasCode(StatusCode::OK)) << spelling;
    EXPECT_THAT(Delete("team-b", spelling), HasReason("CALLER_NOT_ALLOWED")) << spelling;
    EXPECT_THAT(upstream_.requests().back().target, HasSubstr(spelling)) << "sent unchanged";
  }
}

// The rejection depends only on the message, so it reveals nothing about the policy.
TEST_F(AccessTest, RejectsMalformedMessagesBeforeThePolicy) {
  Start("authorization:\n" + kRules);
  for (const char* workspace :
       {"", "%37d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34", "(unset)", "*", "../x",
        "7d9f3c528a414b6e9d0c2f5e8b1a7c34", "Workspace.7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c34"}) {
    for (const char* caller : {"team-a", "team-c"}) {
      EXPECT_THAT(Delete(caller, workspace), HasReason("INVALID_FIELD")) << workspace;
    }
  }
  EXPECT_THAT(upstream_.requests(), IsEmpty());
  EXPECT_EQ(Decisions("allowed") + Decisions("denied"), 0);
}

TEST_F(AccessTest, ChecksPermissionBeforeAdmission) {
  ScriptedUpstream hangs(Hang());
  config_.emplace(kIdentity + "authorization:\n" + kRules);
  GatewayProcess gateway({.upstream = hangs.url(),
                          .flags = {"--upstream-max-in-flight=1", "--config", config_->path()}});
  const DeleteClient client(gateway.grpc_address());
  const auto as = [](const char* caller) {
    return DeleteCall{.workspace_uuid = kWorkspace, .metadata = {{"x-caller", caller}}};
  };
  PendingDelete pending = client.Start(as("team-a"));
  ASSERT_TRUE(hangs.WaitForRequests(1));
  EXPECT_THAT(client.Delete(as("team-a")), HasReason("IN_FLIGHT_CAP"));
  EXPECT_THAT(client.Delete(as("team-c")), HasReason("CALLER_NOT_ALLOWED"));
  pending.Cancel();
}

TEST_F(AccessTest, ChecksPermissionBeforeRateLimits) {
  Start("limits: {rules: [{name: each, by: caller, rate: 1/h, burst: 1}]}\nauthorization:\n" +
        kRules);
  EXPECT_THAT(Delete("team-a", kWorkspace), HasCode(StatusCode::OK));
  EXPECT_THAT(Delete("team-a", kWorkspace), HasReason("RATE_LIMITED"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Delete("team-a", kOther), HasReason("CALLER_NOT_ALLOWED"));
    EXPECT_THAT(Delete("team-c", kWorkspace), HasReason("CALLER_NOT_ALLOWED"));
  }
}

// The policy may have been different when the caller's library made its first attempt.
TEST_F(AccessTest, DenialAfterEarlierAttemptsIsUnknown) {
  Start("authorization:\n" + kRules);
  EXPECT_THAT(Delete("team-c", kWorkspace, {{"grpc-previous-rpc-attempts", "1"}}),
              AllOf(HasReason("CALLER_NOT_ALLOWED"), HasDeletion("unknown")));
}

TEST_F(AccessTest, DryRunLogsButDoesNotDeny) {
  Start("authorization:\n  dry_run: true\n" + kRules);
  EXPECT_THAT(Delete("team-c", kWorkspace, {{"x-request-id", "denied"}}), HasCode(StatusCode::OK));
  EXPECT_THAT(Delete("team-a", kWorkspace, {{"x-request-id", "allowed"}}), HasCode(StatusCode::OK));
  EXPECT_EQ(gateway_->WaitForAccessLine("denied")->value("authorization", ""), "dry_run_denied");
  EXPECT_FALSE(gateway_->WaitForAccessLine("allowed")->contains("authorization"));
  EXPECT_EQ(Decisions("dry_run_denied"), 1);
  EXPECT_EQ(Decisions("allowed"), 1);
  EXPECT_EQ(Decisions("denied"), 0);
}

TEST_F(AccessTest, RecordsNoDecisionWithoutAPolicy) {
  Start("");
  EXPECT_THAT(Delete("team-c", kOther), HasCode(StatusCode::OK));
  EXPECT_EQ(Decisions("allowed") + Decisions("denied") + Decisions("dry_run_denied"), 0);
}

TEST_F(AccessTest, ReloadAppliesGoodPolicyAndKeepsOldOnError) {
  Start("authorization:\n" + kRules);
  ASSERT_TRUE(gateway_->WaitForEvent("authorization", "enforced").has_value());
  config_->Replace(kIdentity +
                   "authorization:\n  rules: [{identities: ['*'], workspaces: ['%37*']}]\n");
  gateway_->process().Signal(SIGHUP);
  ASSERT_TRUE(gateway_->WaitForEvent("config_reload_failed", "authorization.rules[0].workspaces[0]")
                  .has_value());
  EXPECT_THAT(Delete("team-c", kWorkspace), HasReason("CALLER_NOT_ALLOWED"));
  EXPECT_THAT(Delete("team-a", kWorkspace), HasCode(StatusCode::OK));

  config_->Replace(kIdentity +
                   "authorization: {rules: [{identities: ['metadata:team-c'], workspaces: "
                   "['7d9f*']}]}\n");
  gateway_->process().Signal(SIGHUP);
  ASSERT_TRUE(gateway_->WaitForEvent("config_reloaded").has_value());
  EXPECT_THAT(Delete("team-c", kWorkspace), HasCode(StatusCode::OK));
  EXPECT_THAT(Delete("team-a", kWorkspace), HasReason("CALLER_NOT_ALLOWED"));

  // A file that is being copied may end before its rules.
  config_->Replace(kIdentity);
  gateway_->process().Signal(SIGHUP);
  ASSERT_TRUE(
      gateway_->WaitForEvent("config_reload_failed", "authorization.allow_all").has_value());
  EXPECT_THAT(Delete("team-a", kWorkspace), HasReason("CALLER_NOT_ALLOWED"));

  config_->Replace(kIdentity + "authorization: {allow_all: true}\n");
  gateway_->process().Signal(SIGHUP);
  ASSERT_TRUE(gateway_->WaitForEvent("authorization", "\"off\"").has_value());
  EXPECT_THAT(Delete("team-a", kWorkspace), HasCode(StatusCode::OK));
}

}  // namespace
}  // namespace evalrun::testing
