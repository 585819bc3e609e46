// What keeps a deletion from being sent again although it would be worth it, and what the caller is
// told then.
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

TEST(RetryStopTest, NoneWhenTheRunIsGoneOrAnotherSendWouldNotHelp) {
  for (const SendOutcome& outcome : {Done(), Absent(), Strange404(), Http(400), Http(429)}) {
    Deletion deletion(Once(), {});
    deletion.AfterSend(outcome, {}, kPlentyOfTime, 0.5);
    EXPECT_EQ(deletion.answer().retry_stop, RetryStop::kNone);
  }
}

TEST(RetryStopTest, TheLastAttempt) {
  Deletion deletion(Once(), {});
  deletion.AfterSend(Lost(), {}, kPlentyOfTime, 0.5);
  EXPECT_EQ(deletion.answer().retry_stop, RetryStop::kAttempts);
}

TEST(RetryStopTest, NoTimeForTheWait) {
  Deletion deletion(RetryPolicy{}, {});
  deletion.AfterSend(Lost(), {.retry_after = 5s}, 5s, 0.0);
  EXPECT_EQ(deletion.answer().retry_stop, RetryStop::kDeadline);
}

TEST(RetryStopTest, AnEmptyBudget) {
  RetryBudget budget = Empty();
  Deletion deletion(RetryPolicy{}, {});
  EXPECT_FALSE(deletion.AfterSend(Lost(), {}, kPlentyOfTime, 0.5, &budget).send_again);
  EXPECT_EQ(deletion.answer().retry_stop, RetryStop::kBudget);
  EXPECT_EQ(deletion.answer().certainty, Certainty::kUnknown);
  EXPECT_TRUE(deletion.answer().retry_after.has_value());
}

TEST(RetryBudgetTest, ASendThatIsMadeAgainTakesOne) {
  RetryBudget budget({.percent = 0, .burst = 2});
  Deletion deletion(RetryPolicy{}, {});
  EXPECT_TRUE(deletion.AfterSend(Lost(), {}, kPlentyOfTime, 0.5, &budget).send_again);
  EXPECT_EQ(budget.saved(), 1);
}

TEST(RetryBudgetTest, ASendThatIsNotMadeAgainTakesNone) {
  RetryBudget budget({.percent = 0, .burst = 2});
  Deletion(Once(), {}).AfterSend(Lost(), {}, kPlentyOfTime, 0.5, &budget);
  Deletion(RetryPolicy{}, {}).AfterSend(Lost(), {}, 0ms, 0.5, &budget);
  Deletion(RetryPolicy{}, {}).AfterSend(Http(400), {}, kPlentyOfTime, 0.5, &budget);
  Deletion(RetryPolicy{}, {}).AfterSend(Done(), {}, kPlentyOfTime, 0.5, &budget);
  EXPECT_EQ(budget.saved(), 2);
}

TEST(RetryBudgetTest, APooledConnectionThatDiedIsMadeUpForWithoutIt) {
  RetryBudget budget = Empty();
  Deletion deletion(RetryPolicy{}, {});
  const RetryHint stale = {.stale_connection = true};
  EXPECT_TRUE(deletion.AfterSend(Lost(), stale, kPlentyOfTime, 0.5, &budget).send_again);
  EXPECT_FALSE(deletion.AfterSend(Lost(), {}, kPlentyOfTime, 0.5, &budget).send_again);
}

TEST(WaitIsAskedTest, OnlyWhenTheUpstreamNamedATime) {
  struct {
    const char* name;
    SendOutcome outcome;
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
    deletion.AfterSend(row.outcome, row.hint, kPlentyOfTime, 0.5);
    EXPECT_EQ(deletion.answer().wait_is_asked, row.asked);
  }
}

TEST(WaitIsAskedTest, OfAnEarlierSendIsNotTheAnswers) {
  Deletion deletion(RetryPolicy{}, {});
  ASSERT_TRUE(deletion.AfterSend(Http(429), {.retry_after = 1s}, 60s, 0.5).send_again);
  deletion.AfterSend(Http(400), {}, 60s, 0.5);
  EXPECT_FALSE(deletion.answer().wait_is_asked);
}

TEST(WhileHeldBackTest, WaitsOnWhenThereIsTime) {
  Deletion deletion(RetryPolicy{}, {});
  ASSERT_TRUE(deletion.AfterSend(Lost(), {}, 60s, 0.5).send_again);
  const Deletion::Step step = deletion.WhileHeldBack(3s, 60s, 0.5);
  EXPECT_TRUE(step.send_again);
  EXPECT_GE(step.wait, 3s);
  EXPECT_LE(step.wait, 3s + RetryPolicy{}.max_backoff);
}

TEST(WhileHeldBackTest, AnswersWithWhatTheSendsMadeCertainWhenThereIsNone) {
  Deletion deletion(RetryPolicy{}, {});
  ASSERT_TRUE(deletion.AfterSend(Lost(), {}, 60s, 0.5).send_again);
  EXPECT_FALSE(deletion.WhileHeldBack(3s, 3s, 0.0).send_again);
  const Deletion::Answer answer = deletion.answer();
  EXPECT_EQ(answer.code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(answer.certainty, Certainty::kUnknown);
  EXPECT_EQ(answer.retry_stop, RetryStop::kHoldBack);
  EXPECT_EQ(answer.retry_after, 3s);
  EXPECT_TRUE(answer.wait_is_asked);
  EXPECT_EQ(answer.sends, 1);
}

TEST(StopForRateLimitTest, AnswersWithWhatTheSendsMadeCertain) {
  Deletion deletion(RetryPolicy{}, {});
  ASSERT_TRUE(deletion.AfterSend(Lost(), {}, 60s, 0.5).send_again);
  deletion.StopForRateLimit(70ms);
  const Deletion::Answer answer = deletion.answer();
  EXPECT_EQ(answer.code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(answer.certainty, Certainty::kUnknown);
  EXPECT_EQ(RetryStopName(answer.retry_stop), "rate_limit");
  EXPECT_EQ(answer.retry_after, 70ms);
  EXPECT_TRUE(answer.wait_is_asked);
  EXPECT_EQ(answer.sends, 1);
}

}  // namespace
}  // namespace evalrun::deletion
