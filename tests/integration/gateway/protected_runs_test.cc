// SPDX-License-Identifier: Apache-2.0
//
// `protected_runs_file`: the runs in it are not deleted, and the file is live.
#include <signal.h>

#include <optional>
#include <string>

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
using ::testing::Optional;
using ::testing::SizeIs;

const std::string kOther = "11111111-2222-4333-8444-555555555555";

class ProtectedRunsTest : public ::testing::Test {
 protected:
  void Start(const std::vector<std::string>& flags) {
    gateway_.emplace(GatewayProcess::Options{.upstream = upstream_.url(), .flags = flags});
    client_.emplace(gateway_->grpc_address());
  }
  DeleteReply Delete(const std::string& run) { return client_->Delete({.eval_run_uuid = run}); }

  ConfigFile runs_{"# legal hold\nscore_run." + std::string(kRun) + "\n"};
  ConfigFile config_{"{}\n"};
  ScriptedUpstream upstream_{Respond(HttpReply(204))};
  std::optional<GatewayProcess> gateway_;
  std::optional<DeleteClient> client_;
};

const auto kIsProtected =
    AllOf(HasCode(StatusCode::FAILED_PRECONDITION), HasReason("RUN_PROTECTED"),
          HasDomain("evalrun-gateway"), IsWellFormedError());

TEST_F(ProtectedRunsTest, AreRejectedCountedAndAudited) {
  Start({"--protected-runs-file", runs_.path(), "--audit=log"});
  EXPECT_EQ(gateway_->Metric("gateway_protected_runs"), 1);
  const DeleteReply reply = client_->Delete({.metadata = {{"x-request-id", "r"}}});
  EXPECT_THAT(reply, AllOf(kIsProtected, HasDeletion("not_performed"), HasAttempts(0)));
  EXPECT_THAT(reply.Trailing("grpc-retry-pushback-ms"), Optional(std::string("-1")));
  EXPECT_THAT(reply.Trailing("x-envoy-ratelimited"), Optional(std::string("true")));
  EXPECT_THAT(Delete(kOther), HasCode(StatusCode::OK));
  EXPECT_THAT(upstream_.requests(), SizeIs(1));
  EXPECT_EQ(gateway_->Metric("gateway_protected_run_rejections_total"), 1);
  EXPECT_EQ(gateway_->WaitForAccessLine("r")->value("reason", ""), "RUN_PROTECTED");
  const auto audit = gateway_->WaitForEvent("audit", "RUN_PROTECTED");
  ASSERT_TRUE(audit.has_value());
  EXPECT_THAT(*audit, HasSubstr(kRun));
}

// Without SIGHUP, and with it.
TEST_F(ProtectedRunsTest, AreReloadedWhenTheFileChanges) {
  Start({"--protected-runs-file", runs_.path()});
  EXPECT_THAT(Delete(kRun), kIsProtected);
  runs_.Replace(kOther + "\n" + "22222222-2222-4333-8444-555555555555\n");
  ASSERT_TRUE(gateway_->WaitForEvent("protected_runs_loaded", "\"runs\":\"2\""));
  EXPECT_THAT(Delete(kOther), kIsProtected);
  EXPECT_THAT(Delete(kRun), HasCode(StatusCode::OK));

  runs_.Replace("# nothing\n");
  gateway_->process().Signal(SIGHUP);
  ASSERT_TRUE(gateway_->WaitForEvent("protected_runs_loaded", "\"runs\":\"0\""));
  EXPECT_THAT(Delete(kOther), HasCode(StatusCode::OK));
  EXPECT_EQ(gateway_->Metric("gateway_protected_runs"), 0);
}

TEST_F(ProtectedRunsTest, AWrongFileKeepsTheOldListAndDoesNotDelayTheEmergencyStop) {
  const std::string protect = "protected_runs_file: " + runs_.path() + "\n";
  config_.Replace(protect);
  Start({"--config", config_.path()});
  runs_.Replace(kOther + "\nx\n");
  ASSERT_TRUE(gateway_->WaitForEvent("config_reload_failed", runs_.path() + ":2:"));
  EXPECT_THAT(Delete(kRun), kIsProtected);
  EXPECT_THAT(Delete(kOther), HasCode(StatusCode::OK));
  EXPECT_EQ(gateway_->Metric("gateway_config_last_reload_successful"), 0);

  config_.Replace(protect + "deletions_enabled: false\n");
  ASSERT_TRUE(gateway_->WaitForEvent("deletions_stopped"));
  EXPECT_THAT(Delete(kOther), HasReason("DELETIONS_STOPPED"));
  EXPECT_EQ(gateway_->Metric("gateway_config_last_reload_successful"), 0) << "the list is wrong";

  config_.Replace(protect);
  ASSERT_TRUE(gateway_->WaitForEvent("deletions_resumed"));
  EXPECT_THAT(Delete(kRun), kIsProtected);
}

TEST_F(ProtectedRunsTest, TheSettingIsLive) {
  Start({"--config", config_.path()});
  EXPECT_THAT(Delete(kRun), HasCode(StatusCode::OK));
  config_.Replace("protected_runs_file: " + runs_.path() + "\n");
  ASSERT_TRUE(gateway_->WaitForEvent("protected_runs_loaded"));
  EXPECT_THAT(Delete(kRun), kIsProtected);
  EXPECT_EQ(gateway_->Metric("gateway_config_restart_needed"), 0);
  config_.Replace("log: {level: info}\n");
  ASSERT_TRUE(gateway_->WaitForEvent("config_reload_failed", "protected_runs_file: there is none"));
  EXPECT_THAT(Delete(kRun), kIsProtected);
}

TEST_F(ProtectedRunsTest, AWrongFileIsAnErrorAtTheStart) {
  runs_.Replace("# x\nno-uuid\n");
  for (const bool check_only : {false, true}) {
    std::vector<std::string> flags = {"--protected-runs-file=" + runs_.path()};
    if (check_only) flags.emplace_back("--check-config");
    ChildProcess gateway(
        GatewayProcess::MakeCommand({.upstream = "http://127.0.0.1:1", .flags = flags}));
    const auto exit = gateway.WaitForExit();
    ASSERT_TRUE(exit.has_value());
    EXPECT_EQ(exit->code, check_only ? 2 : 1);
    EXPECT_THAT(gateway.all_output(), HasSubstr(runs_.path() + ":2: "));
  }
}

}  // namespace
}  // namespace evalrun::testing
