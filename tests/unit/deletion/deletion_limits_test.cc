// SPDX-License-Identifier: Apache-2.0
//
// What prevents a retry that would be worthwhile, and the response that the caller then gets.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/deletion/deletion_testing.h"

namespace evalrun::deletion {
namespace {

using namespace std::chrono_literals;

RetryPolicy Once() {
  RetryPolicy policy;
  policy.max_attempts = 1;
  return policy;
}

RetryBudget Empty() { return RetryBudget({.percent = 0, .burst = 0}); }

TEST(RetryStopTest, NoneWhenGoneOrNotRetryable) {
  for (const AttemptClassification& outcome :
       {Deleted(), Absent(), Unrecognized404(), Http(400), Http(429)}) {
    Deletion deletion(Once(), {});
    deletion.OnAttemptFinished(outcome, {}, kAmpleTime, 0.5);
    EXPECT_EQ(deletion.response().retry_stop, RetryStop::kNone);
  }
}

TEST(RetryStopTest, StopsAtMaxAttempts) {
  Deletion deletion(Once(), {});
  deletion.OnAttemptFinished(Lost(), {}, kAmpleTime, 0.5);
  EXPECT_EQ(deletion.response().retry_stop, RetryStop::kAttempts);
}

TEST(RetryStopTest, StopsWhenBackoffExceedsDeadline) {
  Deletion deletion(RetryPolicy{}, {});
  deletion.OnAttemptFinished(Lost(), {.retry_after = 5s}, 5s, 0.0);
  EXPECT_EQ(deletion.response().retry_stop, RetryStop::kDeadline);
}

TEST(RetryStopTest, StopsWhenTooLittleTimeIsLeftForAnAttempt) {
  const RetryHint hint = {.retry_after = 2s};
  Deletion deletion(RetryPolicy{}, {});
  EXPECT_FALSE(
      deletion.OnAttemptFinished(Unavailable(), hint, 2s + kMinAttemptTime - 1ms, 0.0).will_retry);
  const Deletion::Response response = deletion.response();
  EXPECT_EQ(response.code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(response.certainty, Certainty::kNotPerformed);
  EXPECT_EQ(response.retry_stop, RetryStop::kDeadline);
  EXPECT_EQ(response.retry_after, 2s);
  EXPECT_TRUE(response.retry_after_is_explicit);
  Deletion enough(RetryPolicy{}, {});
  EXPECT_TRUE(enough.OnAttemptFinished(Unavailable(), hint, 2s + kMinAttemptTime, 0.0).will_retry);
}

TEST(RetryStopTest, StopsWhenBudgetIsEmpty) {
  RetryBudget budget = Empty();
  Deletion deletion(RetryPolicy{}, {});
  EXPECT_FALSE(deletion.OnAttemptFinished(Lost(), {}, kAmpleTime, 0.5, &budget).will_retry);
  EXPECT_EQ(deletion.response().retry_stop, RetryStop::kBudget);
  EXPECT_EQ(deletion.response().certainty, Certainty::kUnknown);
  EXPECT_TRUE(deletion.response().retry_after.has_value());
}

TEST(RetryBudgetTest, RetryWithdrawsOne) {
  RetryBudget budget({.percent = 0, .burst = 2});
  Deletion deletion(RetryPolicy{}, {});
  EXPECT_TRUE(deletion.OnAttemptFinished(Lost(), {}, kAmpleTime, 0.5, &budget).will_retry);
  EXPECT_EQ(budget.saved(), 1);
}

TEST(RetryBudgetTest, NoRetryWithdrawsNothing) {
  RetryBudget budget({.percent = 0, .burst = 2});
  Deletion(Once(), {}).OnAttemptFinished(Lost(), {}, kAmpleTime, 0.5, &budget);
  Deletion(RetryPolicy{}, {}).OnAttemptFinished(Lost(), {}, 0ms, 0.5, &budget);
  Deletion(RetryPolicy{}, {}).OnAttemptFinished(Http(400), {}, kAmpleTime, 0.5, &budget);
  Deletion(RetryPolicy{}, {}).OnAttemptFinished(Deleted(), {}, kAmpleTime, 0.5, &budget);
  EXPECT_EQ(budget.saved(), 2);
}

TEST(RetryBudgetTest, StaleConnectionRetryIsFree) {
  RetryBudget budget = Empty();
  Deletion deletion(RetryPolicy{}, {});
  const RetryHint stale = {.stale_connection = true};
  EXPECT_TRUE(deletion.OnAttemptFinished(Lost(), stale, kAmpleTime, 0.5, &budget).will_retry);
  EXPECT_FALSE(deletion.OnAttemptFinished(Lost(), {}, kAmpleTime, 0.5, &budget).will_retry);
}

TEST(RetryAfterIsExplicitTest, OnlyWithRetryAfter) {
  struct {
    const char* name;
    AttemptClassification outcome;
    RetryHint hint;
    bool asked;
  } rows[] = {
      {"429 with a time", Http(429), {.retry_after = 2s}, true},
      {"429 without", Http(429), {}, false},
      {"503 with a time", Unavailable(), {.retry_after = 2s}, true},
      {"503 without", Unavailable(), {}, false},
      {"500 with a time", Http(500), {.retry_after = 2s}, true},
      {"lost", Lost(), {}, false},
      {"429 with a time, but told not to",
       Http(429),
       {.retry_after = 2s, .should_retry = false},
       false},
      {"400 with a time", Http(400), {.retry_after = 2s}, false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    Deletion deletion(Once(), {});
    deletion.OnAttemptFinished(row.outcome, row.hint, kAmpleTime, 0.5);
    EXPECT_EQ(deletion.response().retry_after_is_explicit, row.asked);
  }
}

TEST(RetryAfterIsExplicitTest, EarlierAttemptsRetryAfterIsDropped) {
  Deletion deletion(RetryPolicy{}, {});
  ASSERT_TRUE(deletion.OnAttemptFinished(Http(429), {.retry_after = 1s}, 60s, 0.5).will_retry);
  deletion.OnAttemptFinished(Http(400), {}, 60s, 0.5);
  EXPECT_FALSE(deletion.response().retry_after_is_explicit);
}

TEST(OnRetryAfterGateClosedTest, RetriesWhenTimeRemains) {
  Deletion deletion(RetryPolicy{}, {});
  ASSERT_TRUE(deletion.OnAttemptFinished(Lost(), {}, 60s, 0.5).will_retry);
  const Deletion::Step step = deletion.OnRetryAfterGateClosed(3s, 60s, 0.5);
  EXPECT_TRUE(step.will_retry);
  EXPECT_GE(step.wait, 3s);
  EXPECT_LE(step.wait, 3s + RetryPolicy{}.max_backoff);
}

TEST(OnRetryAfterGateClosedTest, ReturnsLastResultWithoutTime) {
  Deletion deletion(RetryPolicy{}, {});
  ASSERT_TRUE(deletion.OnAttemptFinished(Lost(), {}, 60s, 0.5).will_retry);
  EXPECT_TRUE(deletion.OnRetryAfterGateClosed(3s, 3s + kMinAttemptTime, 0.0).will_retry);
  EXPECT_FALSE(deletion.OnRetryAfterGateClosed(3s, 3s + kMinAttemptTime - 1ms, 0.0).will_retry);
  const Deletion::Response response = deletion.response();
  EXPECT_EQ(response.code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(response.certainty, Certainty::kUnknown);
  EXPECT_EQ(response.retry_stop, RetryStop::kHoldBack);
  EXPECT_EQ(response.retry_after, 3s);
  EXPECT_TRUE(response.retry_after_is_explicit);
  EXPECT_EQ(response.attempts, 1);
}

TEST(StopForRateLimitTest, ReturnsLastResult) {
  Deletion deletion(RetryPolicy{}, {});
  ASSERT_TRUE(deletion.OnAttemptFinished(Lost(), {}, 60s, 0.5).will_retry);
  deletion.StopForRateLimit(70ms);
  const Deletion::Response response = deletion.response();
  EXPECT_EQ(response.code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(response.certainty, Certainty::kUnknown);
  EXPECT_EQ(RetryStopName(response.retry_stop), "rate_limit");
  EXPECT_EQ(response.retry_after, 70ms);
  EXPECT_TRUE(response.retry_after_is_explicit);
  EXPECT_EQ(response.attempts, 1);
}

}  // namespace
}  // namespace evalrun::deletion
