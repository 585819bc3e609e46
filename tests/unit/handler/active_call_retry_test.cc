// SPDX-License-Identifier: Apache-2.0
//
// What lies between two attempts of a call: the wait, the gate that a 429 closes, the limits, the
// deadline.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/handler/active_call.h"
#include "tests/unit/handler/call_testing.h"

namespace evalrun::handler {
namespace {

using namespace std::chrono_literals;
using deletion::Certainty;
using deletion::RetryStop;
using ::testing::SizeIs;

class ActiveCallRetryTest : public CallTest {
 protected:
  // The upstream tells another call under the same key to come back in 3 s.
  void CloseGate() {
    TestCall& other = NewCall();
    Start(&other, 1s);
    deletion::AttemptResult result = HttpResponse(429);
    result.retry_after = "3";
    other.attempts.Finish(result);
    EXPECT_EQ(observer_.last().retry_stop, RetryStop::kDeadline);
  }
};

TEST_F(ActiveCallRetryTest, HoldBackEndsWithTheKeyThatItIsAbout) {
  CloseGate();
  handler().SetLiveConfig(MakeLiveConfig());
  Start(&call());
  EXPECT_EQ(observer_.last().reason, "UPSTREAM_HOLD_BACK") << "the key is the same";
  handler().SetLiveConfig(MakeLiveConfig("another"));
  Start(&call());
  EXPECT_TRUE(call().attempts.is_under_way());
  call().attempts.Finish(HttpResponse(204));
}

TEST_F(ActiveCallRetryTest, ResponseToAReplacedKeyHoldsNothingBack) {
  TestCall& other = NewCall();
  Start(&other, 1s);
  handler().SetLiveConfig(MakeLiveConfig("another"));
  deletion::AttemptResult result = HttpResponse(429);
  result.retry_after = "3";
  other.attempts.Finish(result);
  Start(&call());
  EXPECT_TRUE(call().attempts.is_under_way());
  call().attempts.Finish(HttpResponse(204));
}

// The clock of the test is nowhere near these dates.
TEST_F(ActiveCallRetryTest, DateOfRetryAfterIsRelativeToThatOfTheResponse) {
  Start(&call(), 20s);
  deletion::AttemptResult result = HttpResponse(503);
  result.retry_after = "Fri, 06 Nov 2026 08:49:37 GMT";
  result.date = "Fri, 06 Nov 2026 08:49:27 GMT";
  const auto now = clock_.SteadyNow();
  call().attempts.Finish(result);
  EXPECT_EQ(call().timer.due() - now, 10s + options_.retry.initial_backoff / 2);
  call().timer.FireWhenDue(&clock_);
  call().attempts.Finish(HttpResponse(204));
}

TEST_F(ActiveCallRetryTest, RetriesAfterAWait) {
  Start(&call());
  call().attempts.Finish(ConnectionLost());
  EXPECT_TRUE(call().writer.written().empty());
  EXPECT_EQ(handler().admission().in_flight(), 1u) << "it is still admitted";
  EXPECT_EQ(call().timer.due() - clock_.SteadyNow(), options_.retry.initial_backoff / 2)
      << "half of it is the jitter";
  call().timer.FireWhenDue(&clock_);
  ASSERT_THAT(call().attempts.started(), SizeIs(2));
  EXPECT_TRUE(call().attempts.started()[1].fresh_connection) << "others may be dead as well";
  EXPECT_EQ(call().attempts.started()[1].target, call().attempts.started()[0].target);
  EXPECT_EQ(call().attempts.started()[1].headers, call().attempts.started()[0].headers);
  call().attempts.Finish(HttpResponse(404, kNotFoundBody));
  EXPECT_EQ(call().writer.last().code, absl::StatusCode::kOk);
  EXPECT_EQ(observer_.last().certainty, Certainty::kPresumed);
  EXPECT_EQ(observer_.last().attempts, 2);
  EXPECT_EQ(observer_.retries, 1);
  EXPECT_EQ(observer_.attempts, 2);
}

TEST_F(ActiveCallRetryTest, ResponseReusesTheConnection) {
  Start(&call());
  call().attempts.Finish(HttpResponse(503));
  call().timer.FireWhenDue(&clock_);
  EXPECT_FALSE(call().attempts.started()[1].fresh_connection);
  call().attempts.Finish(HttpResponse(204));
}

TEST_F(ActiveCallRetryTest, GivesUpAfterMaxAttempts) {
  options_.retry.max_attempts = 2;
  Start(&call());
  call().attempts.Finish(ConnectFailed());
  call().timer.FireWhenDue(&clock_);
  call().attempts.Finish(ConnectFailed());
  EXPECT_EQ(call().writer.last().code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(observer_.last().retry_stop, RetryStop::kAttempts);
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
}

TEST_F(ActiveCallRetryTest, WaitsAgainWhenTheGateIsClosedAsTheTimerFires) {
  Start(&call(), 20s);
  call().attempts.Finish(HttpResponse(503));
  CloseGate();
  const auto closed_at = clock_.SteadyNow();
  call().timer.FireWhenDue(&clock_);
  EXPECT_THAT(call().attempts.started(), SizeIs(1)) << "asking now would count against the quota";
  ASSERT_TRUE(call().timer.is_running());
  EXPECT_GE(call().timer.due(), closed_at + 3s);
  call().timer.FireWhenDue(&clock_);
  EXPECT_THAT(call().attempts.started(), SizeIs(2));
  call().attempts.Finish(HttpResponse(204));
  EXPECT_EQ(call().writer.last().code, absl::StatusCode::kOk);
}

TEST_F(ActiveCallRetryTest, AnswersWhenTheGateStaysClosedPastTheDeadline) {
  Start(&call(), 2s);
  call().attempts.Finish(ConnectFailed());
  CloseGate();
  call().timer.FireWhenDue(&clock_);
  EXPECT_FALSE(call().timer.is_running());
  EXPECT_EQ(observer_.last().retry_stop, RetryStop::kHoldBack);
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
  EXPECT_THAT(call().attempts.started(), SizeIs(1));
  EXPECT_THAT(call().writer.written(), SizeIs(1));
}

TEST_F(ActiveCallRetryTest, ClosedGateRejectsOtherCalls) {
  CloseGate();
  Start(&call());
  EXPECT_EQ(observer_.last().reason, "UPSTREAM_HOLD_BACK");
  EXPECT_EQ(call().writer.last().trailing_metadata.at("grpc-retry-pushback-ms"), "3000");
  EXPECT_EQ(call().writer.last().trailing_metadata.count("x-envoy-ratelimited"), 0u);
}

TEST_F(ActiveCallRetryTest, RetryHasToPassTheLimitsByUpstreamKey) {
  live_config_.rules = MakeRule(ratelimit::LimitedBy::kUpstreamKey, 2);
  Start(&call());
  call().attempts.Finish(HttpResponse(503));
  call().timer.FireWhenDue(&clock_);
  ASSERT_THAT(call().attempts.started(), SizeIs(2)) << "the limit has capacity for one retry";
  call().attempts.Finish(HttpResponse(503));
  call().timer.FireWhenDue(&clock_);
  EXPECT_THAT(call().attempts.started(), SizeIs(2));
  EXPECT_EQ(observer_.last().retry_stop, RetryStop::kRateLimit);
  EXPECT_EQ(observer_.last().attempts, 2);
  EXPECT_THAT(call().writer.written(), SizeIs(1));
}

TEST_F(ActiveCallRetryTest, DeadlineMayPassBetweenAttempts) {
  Start(&call(), 1s);
  call().attempts.Finish(ConnectionLost());
  clock_.Advance(990ms);  // the loop was busy: only the margin is left
  call().timer.Fire();
  EXPECT_THAT(call().attempts.started(), SizeIs(1));
  EXPECT_EQ(call().writer.last().code, absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(observer_.last().reason, "DEADLINE_EXCEEDED");
  EXPECT_EQ(observer_.last().certainty, Certainty::kUnknown);
  EXPECT_EQ(observer_.last().attempts, 1);
  EXPECT_EQ(observer_.retries, 0);
}

// The upstream has certainly done nothing. A retry with 3 ms left would be aborted, and nothing
// would be certain any more.
TEST_F(ActiveCallRetryTest, DoesNotWaitForARetryWithoutTimeForIt) {
  random_.bits = 0;
  Start(&call(), 2033ms);  // less the margin and the rounding: 2003 ms
  deletion::AttemptResult result =
      HttpResponse(503, R"({"error":{"code":"server.busy","message":"m"}})");
  result.retry_after = "2";
  call().attempts.Finish(result);
  EXPECT_FALSE(call().timer.is_running());
  EXPECT_EQ(call().writer.last().code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
  EXPECT_EQ(observer_.last().retry_stop, RetryStop::kDeadline);
  EXPECT_EQ(observer_.last().attempts, 1);
}

TEST_F(ActiveCallRetryTest, LateTimerLeavesNoTimeForARetry) {
  Start(&call(), 1s);
  call().attempts.Finish(ConnectFailed());
  clock_.Advance(951ms);  // the loop was busy: 19 ms are left
  call().timer.Fire();
  EXPECT_THAT(call().attempts.started(), SizeIs(1));
  EXPECT_EQ(observer_.last().reason, "DEADLINE_EXCEEDED");
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
}

TEST_F(ActiveCallRetryTest, DoesNotWaitPastTheDeadline) {
  Start(&call(), 1s);
  deletion::AttemptResult result = HttpResponse(503);
  result.retry_after = "2";
  call().attempts.Finish(result);
  EXPECT_FALSE(call().timer.is_running());
  EXPECT_EQ(observer_.last().retry_stop, RetryStop::kDeadline);
}

}  // namespace
}  // namespace evalrun::handler
