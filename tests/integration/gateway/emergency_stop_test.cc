// SPDX-License-Identifier: Apache-2.0
//
// `deletions_enabled: false`: nothing is deleted any more, callers learn why, and it can be undone.
#include <signal.h>

#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/config_file.h"
#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using namespace std::chrono_literals;
using grpc::StatusCode;
using ::testing::AllOf;
using ::testing::Optional;
using ::testing::SizeIs;

class EmergencyStopTest : public ::testing::Test {
 protected:
  void Start(Script script) {
    upstream_.emplace(std::move(script));
    gateway_.emplace(GatewayProcess::Options{.upstream = upstream_->url(),
                                             .flags = {"--config", config_.path()}});
    client_.emplace(gateway_->grpc_address());
  }

  void SetDeletionsEnabled(bool enabled) {
    config_.Replace(enabled ? "deletions_enabled: true\n" : "deletions_enabled: false\n");
    gateway_->process().Signal(SIGHUP);
    ASSERT_TRUE(gateway_->WaitForEvent(enabled ? "deletions_resumed" : "deletions_stopped"));
  }

  ConfigFile config_{"{}\n"};
  std::optional<ScriptedUpstream> upstream_;
  std::optional<GatewayProcess> gateway_;
  std::optional<DeleteClient> client_;
};

const auto kIsStopped =
    AllOf(HasCode(StatusCode::FAILED_PRECONDITION), HasReason("DELETIONS_STOPPED"),
          HasDomain("evalrun-gateway"), IsWellFormedError());

TEST_F(EmergencyStopTest, RejectsCallsUntilItIsUndone) {
  Start(Respond(HttpReply(204)));
  EXPECT_THAT(client_->Delete(), HasCode(StatusCode::OK));
  EXPECT_EQ(gateway_->Metric("gateway_deletions_enabled"), 1);

  SetDeletionsEnabled(false);
  const DeleteReply reply = client_->Delete();
  EXPECT_THAT(reply, AllOf(kIsStopped, HasDeletion("not_performed"), HasAttempts(0)));
  EXPECT_THAT(reply.Trailing("grpc-retry-pushback-ms"), Optional(std::string("-1")));
  EXPECT_THAT(client_->Delete({.metadata = {{"grpc-previous-rpc-attempts", "1"}}}),
              AllOf(kIsStopped, HasDeletion("unknown")))
      << "the caller's first attempt may have deleted the run before the stop";
  EXPECT_THAT(upstream_->requests(), SizeIs(1));
  EXPECT_EQ(gateway_->Metric("gateway_deletions_enabled"), 0);
  EXPECT_EQ(gateway_->Get("/readyz").status, 200);
  EXPECT_EQ(gateway_->Get("/healthz").status, 200);
  EXPECT_EQ(client_->CallRaw("/grpc.health.v1.Health/Check", "").response, "\x08\x01") << "SERVING";

  SetDeletionsEnabled(true);
  EXPECT_THAT(client_->Delete(), HasCode(StatusCode::OK));
  EXPECT_EQ(gateway_->Metric("gateway_deletions_enabled"), 1);
}

TEST_F(EmergencyStopTest, CallsInFlightAreNotRetried) {
  // The upstream may have deleted the run, and asks for a retry after 3 s.
  Start(Respond(HttpReply(503, "", "text/html", "retry-after: 3\r\n")));
  PendingDelete call = client_->Start({.metadata = {{"x-request-id", "r"}}});
  while (upstream_->requests().empty()) std::this_thread::sleep_for(1ms);
  SetDeletionsEnabled(false);
  ASSERT_FALSE(call.IsDone());
  EXPECT_THAT(call.Get(), AllOf(kIsStopped, HasDeletion("unknown"), HasAttempts(1)));
  EXPECT_THAT(upstream_->requests(), SizeIs(1));
  EXPECT_EQ(gateway_->WaitForAccessLine("r")->value("reason", ""), "DELETIONS_STOPPED");
}

TEST_F(EmergencyStopTest, HoldsDuringTheShutdown) {
  upstream_.emplace(Respond(HttpReply(204)));
  gateway_.emplace(GatewayProcess::Options{
      .upstream = upstream_->url(), .flags = {"--config", config_.path(), "--drain-delay", "60s"}});
  client_.emplace(gateway_->grpc_address());
  EXPECT_THAT(client_->Delete(), HasCode(StatusCode::OK));
  gateway_->process().Signal(SIGTERM);
  ASSERT_TRUE(gateway_->WaitForEvent("draining"));
  SetDeletionsEnabled(false);
  EXPECT_THAT(client_->Delete(), kIsStopped);
  EXPECT_THAT(upstream_->requests(), SizeIs(1));
  gateway_->process().Signal(SIGTERM);  // ends the delay
}

TEST_F(EmergencyStopTest, HoldsForRetriesUntilTheShutdownHasEnded) {
  Start(Respond(HttpReply(503, "", "text/html", "retry-after: 3\r\n")));
  PendingDelete call = client_->Start({});
  while (upstream_->requests().empty()) std::this_thread::sleep_for(1ms);
  gateway_->process().Signal(SIGTERM);
  ASSERT_TRUE(gateway_->WaitForEvent("draining"));
  SetDeletionsEnabled(false);
  EXPECT_THAT(call.Get(), AllOf(kIsStopped, HasAttempts(1)));
  EXPECT_THAT(upstream_->requests(), SizeIs(1));
}

TEST_F(EmergencyStopTest, HoldsFromTheStart) {
  config_.Replace("deletions_enabled: false\n");
  Start(Respond(HttpReply(204)));
  EXPECT_THAT(client_->Delete(), kIsStopped);
  EXPECT_TRUE(gateway_->WaitForEvent("deletions_stopped"));
  EXPECT_THAT(upstream_->requests(), SizeIs(0));
}

}  // namespace
}  // namespace evalrun::testing
