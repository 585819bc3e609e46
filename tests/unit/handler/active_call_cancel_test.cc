// SPDX-License-Identifier: Apache-2.0
//
// A call that ends before the upstream has responded, because its caller is gone or the process
// ends: what is cancelled, and what is reported.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/handler/active_call.h"
#include "tests/unit/handler/call_testing.h"

namespace evalrun::handler {
namespace {

using namespace std::chrono_literals;
using deletion::Certainty;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ActiveCallCancelTest : public CallTest {
 protected:
  void Cancel() {
    call().call.Cancel();
    EXPECT_THAT(call().writer.written(), IsEmpty()) << "nobody waits for a response";
    EXPECT_EQ(handler().admission().in_flight(), 0u);
  }
};

TEST_F(ActiveCallCancelTest, AttemptOfWhichNothingWasSent) {
  Start(&call());
  call().attempts.set_may_have_been_sent(false);
  Cancel();
  EXPECT_EQ(call().attempts.cancelled(), 1);
  EXPECT_EQ(observer_.last().code, absl::StatusCode::kCancelled);
  EXPECT_EQ(observer_.last().reason, "CALL_CANCELLED");
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
  EXPECT_EQ(observer_.last().attempts, 0);
}

TEST_F(ActiveCallCancelTest, AttemptOfWhichSomeMayHaveBeenSent) {
  Start(&call());
  call().attempts.set_may_have_been_sent(true);
  Cancel();
  EXPECT_EQ(call().attempts.cancelled(), 1);
  EXPECT_EQ(observer_.last().code, absl::StatusCode::kCancelled);
  EXPECT_EQ(observer_.last().certainty, Certainty::kUnknown);
  EXPECT_EQ(observer_.last().attempts, 1);
}

TEST_F(ActiveCallCancelTest, RetryOfAnAttemptThatMayHaveDeletedTheRun) {
  Start(&call());
  call().attempts.Finish(ConnectionLost());
  call().timer.FireWhenDue(&clock_);
  call().attempts.set_may_have_been_sent(false);
  Cancel();
  EXPECT_EQ(observer_.last().certainty, Certainty::kUnknown);
  EXPECT_EQ(observer_.last().attempts, 1);
}

TEST_F(ActiveCallCancelTest, WhileWaitingForARetry) {
  Start(&call());
  call().attempts.Finish(ConnectFailed());
  ASSERT_TRUE(call().timer.is_running());
  Cancel();
  EXPECT_FALSE(call().timer.is_running());
  EXPECT_EQ(call().attempts.cancelled(), 0);
  EXPECT_EQ(observer_.last().code, absl::StatusCode::kCancelled);
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
  EXPECT_EQ(observer_.last().attempts, 1);
}

TEST_F(ActiveCallCancelTest, WhileWaitingForARetryOfAnAttemptThatMayHaveDeletedTheRun) {
  Start(&call());
  call().attempts.Finish(ConnectionLost());
  Cancel();
  EXPECT_EQ(observer_.last().certainty, Certainty::kUnknown);
  EXPECT_EQ(observer_.last().attempts, 1);
}

TEST_F(ActiveCallCancelTest, DeadlinePassed) {
  Start(&call(), 1s);
  call().attempts.set_may_have_been_sent(true);
  clock_.Advance(1s);
  Cancel();
  EXPECT_EQ(observer_.last().code, absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(observer_.last().reason, "DEADLINE_EXCEEDED");
  EXPECT_EQ(observer_.last().certainty, Certainty::kUnknown);
}

TEST_F(ActiveCallCancelTest, UpstreamsEarlierWordsAreNotTheReason) {
  Start(&call());
  call().attempts.Finish(
      HttpResponse(503, R"({"error":{"code":"a.b","message":"come back later"}})"));
  Cancel();
  EXPECT_EQ(observer_.last().reason, "CALL_CANCELLED");
  EXPECT_EQ(observer_.last().http_status, 503) << "but the log shows it";
}

TEST_F(ActiveCallCancelTest, NothingHappensAfterTheResponse) {
  Start(&call());
  call().attempts.Finish(HttpResponse(204));
  call().call.Cancel();
  Start(&call(), 5s, "\xFF");
  call().call.Cancel();
  EXPECT_THAT(observer_.completed, SizeIs(2));
  EXPECT_THAT(call().writer.written(), SizeIs(2));
  EXPECT_EQ(call().attempts.cancelled(), 0);
}

TEST_F(ActiveCallCancelTest, NothingHappensAfterACancellation) {
  Start(&call());
  Cancel();
  Cancel();
  EXPECT_THAT(observer_.completed, SizeIs(1));
}

TEST_F(ActiveCallCancelTest, CancelledCallMakesRoomForAnother) {
  options_.admission.max_in_flight = 1;
  Start(&call());
  Cancel();
  Start(&call());
  EXPECT_TRUE(call().attempts.is_under_way());
  call().attempts.Finish(HttpResponse(204));
}

using ActiveCallShutdownTest = CallTest;

TEST_F(ActiveCallShutdownTest, SaysThatTheRunMayBeDeleted) {
  Start(&call());
  call().attempts.set_may_have_been_sent(true);
  call().call.EndForShutdown();
  EXPECT_EQ(call().attempts.cancelled(), 1);
  const WrittenResponse& response = call().writer.last();
  EXPECT_EQ(response.code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(response.reason, "GATEWAY_SHUTTING_DOWN");
  EXPECT_EQ(response.trailing_metadata.at("grpc-retry-pushback-ms"), "0") << "by another gateway";
  EXPECT_EQ(response.trailing_metadata.at("x-envoy-ratelimited"), "true") << "but not unsaid";
  EXPECT_EQ(observer_.last().certainty, Certainty::kUnknown);
  EXPECT_EQ(handler().admission().in_flight(), 0u);
}

TEST_F(ActiveCallShutdownTest, SaysThatNothingWasDoneWhileWaitingForARetry) {
  Start(&call());
  call().attempts.Finish(ConnectFailed());
  call().call.EndForShutdown();
  EXPECT_FALSE(call().timer.is_running());
  EXPECT_EQ(call().writer.last().reason, "GATEWAY_SHUTTING_DOWN");
  EXPECT_EQ(call().writer.last().trailing_metadata.count("x-envoy-ratelimited"), 0u)
      << "a proxy may ask another gateway";
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
}

TEST_F(ActiveCallShutdownTest, NothingIsSentForACallWhoseMessageComesLater) {
  handler().EndNewCalls();
  Start(&call());
  EXPECT_FALSE(call().attempts.is_under_way());
  EXPECT_EQ(call().writer.last().code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(call().writer.last().reason, "GATEWAY_SHUTTING_DOWN");
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
  EXPECT_EQ(handler().admission().in_flight(), 0u);

  Start(&call(), 5s, MakeMessage(), FakeMetadata{{"grpc-previous-rpc-attempts", "1"}});
  EXPECT_EQ(observer_.last().certainty, Certainty::kUnknown) << "by what another gateway did";
}

TEST_F(ActiveCallShutdownTest, NothingHappensAfterTheResponse) {
  call().call.EndForShutdown();
  Start(&call());
  call().attempts.Finish(HttpResponse(204));
  call().call.EndForShutdown();
  call().call.Cancel();
  EXPECT_THAT(call().writer.written(), SizeIs(1));
  EXPECT_THAT(observer_.completed, SizeIs(1));
}

}  // namespace
}  // namespace evalrun::handler
