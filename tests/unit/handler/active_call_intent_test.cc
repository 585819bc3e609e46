// SPDX-License-Identifier: Apache-2.0
//
// `audit.on_failure: refuse`: nothing is sent before the line of the call's intent is written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/handler/active_call.h"
#include "tests/unit/handler/call_testing.h"

namespace evalrun::handler {
namespace {

using namespace std::chrono_literals;
using deletion::Certainty;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class IntentTest : public CallTest {
 protected:
  IntentTest() { uses_intents_ = true; }

  void ExpectRefused(Certainty certainty = Certainty::kNotPerformed) {
    EXPECT_EQ(call().writer.last().code, absl::StatusCode::kUnavailable);
    EXPECT_EQ(call().writer.last().reason, "AUDIT_UNAVAILABLE");
    EXPECT_EQ(call().writer.last().trailing_metadata.at("grpc-retry-pushback-ms"), "-1");
    EXPECT_EQ(call().writer.last().trailing_metadata.at("x-envoy-ratelimited"), "true");
    EXPECT_EQ(observer_.last().certainty, certainty);
    EXPECT_EQ(observer_.last().attempts, 0);
    EXPECT_TRUE(observer_.last().audit_unavailable);
    EXPECT_THAT(call().attempts.started(), IsEmpty());
  }
};

const FakeMetadata kRequestId{{"x-request-id", "r"}};

TEST_F(IntentTest, FirstAttemptWaitsForTheLine) {
  Start(&call(), 5s, MakeMessage(), kRequestId);
  EXPECT_THAT(intents_.request_ids, ElementsAre("r"));
  EXPECT_THAT(call().attempts.started(), IsEmpty());
  intents_.Finish(true);
  EXPECT_TRUE(call().attempts.is_under_way());
  EXPECT_FALSE(call().timer.is_running());
  call().attempts.Finish(HttpResponse(204));
  EXPECT_EQ(observer_.last().certainty, Certainty::kPerformed);
  EXPECT_FALSE(observer_.last().audit_unavailable);
}

TEST_F(IntentTest, NothingIsSentWhenTheLineCannotBeWritten) {
  Start(&call());
  intents_.Finish(false);
  ExpectRefused();
}

TEST_F(IntentTest, AnEarlierAttemptOfTheCallerMayHaveDeletedTheRun) {
  Start(&call(), 5s, MakeMessage(), FakeMetadata{{"grpc-previous-rpc-attempts", "1"}});
  intents_.Finish(false);
  ExpectRefused(Certainty::kUnknown);
}

TEST_F(IntentTest, NothingIsSentWhenTheWriterHangs) {
  Start(&call());
  call().timer.FireWhenDue(&clock_);
  EXPECT_EQ(intents_.waiter, nullptr);
  ExpectRefused();
}

TEST_F(IntentTest, RetriesNeedNoFurtherLine) {
  Start(&call(), 5s, MakeMessage(), kRequestId);
  intents_.Finish(true);
  call().attempts.Finish(HttpResponse(503));
  call().timer.FireWhenDue(&clock_);
  EXPECT_EQ(call().attempts.started().size(), 2u);
  call().attempts.Finish(HttpResponse(204));
  EXPECT_THAT(intents_.request_ids, ElementsAre("r"));
}

TEST_F(IntentTest, CancelledCallsDoNotWait) {
  Start(&call());
  call().call.Cancel();
  EXPECT_EQ(observer_.last().reason, "CALL_CANCELLED");
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
  EXPECT_THAT(call().attempts.started(), IsEmpty());
}

TEST_F(IntentTest, ShutdownEndsTheWait) {
  Start(&call());
  call().call.EndForShutdown();
  EXPECT_EQ(observer_.last().reason, "GATEWAY_SHUTTING_DOWN");
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
}

TEST_F(IntentTest, StopDuringTheWaitIsObeyed) {
  Start(&call());
  live_config_.deletions_enabled = false;
  handler().SetLiveConfig(live_config_);
  intents_.Finish(true);
  EXPECT_EQ(observer_.last().reason, "DELETIONS_STOPPED");
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
  EXPECT_THAT(call().attempts.started(), IsEmpty());
}

TEST_F(IntentTest, CallsThatAreNotSentHaveNone) {
  Start(&call(), 5s, MakeMessage("../x"));
  for (const auto time_left : {-1000ms, 0ms, 26ms}) {
    Start(&call(), time_left);
    EXPECT_EQ(observer_.last().reason, "DEADLINE_TOO_SHORT");
  }
  live_config_.deletions_enabled = false;
  handler().SetLiveConfig(live_config_);
  Start(&call());
  EXPECT_THAT(intents_.request_ids, IsEmpty());
}

}  // namespace
}  // namespace evalrun::handler
