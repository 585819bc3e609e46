// SPDX-License-Identifier: Apache-2.0
//
// Whether a deletion retries, and how long it waits before.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/deletion/deletion_testing.h"

namespace evalrun::deletion {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

Deletion::Step FirstStep(const AttemptClassification& outcome, const RetryHint& hint = {},
                         const RetryPolicy& policy = {}, milliseconds time_left = kAmpleTime,
                         double random = 0.5) {
  Deletion deletion(policy, {});
  return deletion.OnAttemptFinished(outcome, hint, time_left, random);
}

struct Row {
  const char* name;
  AttemptClassification outcome;
  bool plain;           // retried by the default policy, without a hint
  bool told_to = true;  // with `x-should-retry: true`
};

void PrintTo(const Row& row, std::ostream* os) { *os << row.name; }

class RetryTest : public ::testing::TestWithParam<Row> {};

TEST_P(RetryTest, FollowsDefaultPolicy) {
  EXPECT_EQ(FirstStep(GetParam().outcome).will_retry, GetParam().plain);
}

TEST_P(RetryTest, ShouldRetryFalsePreventsRetry) {
  const RetryHint hint = {.retry_after = std::nullopt, .should_retry = false};
  EXPECT_FALSE(FirstStep(GetParam().outcome, hint).will_retry);
}

TEST_P(RetryTest, ShouldRetryTrueForcesRetry) {
  const RetryHint hint = {.retry_after = 10ms, .should_retry = true};
  EXPECT_EQ(FirstStep(GetParam().outcome, hint).will_retry, GetParam().told_to);
}

TEST_P(RetryTest, NeverExceedsMaxAttempts) {
  RetryPolicy policy;
  policy.max_attempts = 1;
  for (std::optional<bool> told : {std::optional<bool>(), std::optional(true)}) {
    const RetryHint hint = {.retry_after = 10ms, .should_retry = told};
    EXPECT_FALSE(FirstStep(GetParam().outcome, hint, policy).will_retry);
  }
}

TEST_P(RetryTest, NotWithoutTimeLeft) {
  for (milliseconds left : {0ms, -1ms, -1000000ms}) {
    const RetryHint hint = {.retry_after = 10ms, .should_retry = std::nullopt};
    EXPECT_FALSE(FirstStep(GetParam().outcome, {}, {}, left).will_retry);
    EXPECT_FALSE(FirstStep(GetParam().outcome, hint, {}, left).will_retry);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Outcomes, RetryTest,
    ::testing::Values(Row{"Deleted", Deleted(), false, false},
                      Row{"Ok200", Http(200, BodyKind::kJson), false, false},
                      Row{"ConnectRefused", ConnectRefused(), true}, Row{"Lost", Lost(), true},
                      Row{"Unresolved", ClassifyFault(Fault::kResolve, false), true},
                      Row{"TimedOut", TimedOut(), true}, Row{"Http400", Http(400), false},
                      Row{"Http401", Http(401), false}, Row{"Http403", Http(403), false},
                      Row{"Http408", Http(408), true}, Row{"Http409", Http(409), false},
                      Row{"Http422", Http(422), false}, Row{"Http425", Http(425), true},
                      Row{"Http429", Http(429), false}, Row{"Http500", Http(500), true},
                      Row{"Http502", Http(502), true}, Row{"Http503", Http(503), true},
                      Row{"Http503OfTheApi", Unavailable(), true}, Row{"Http504", Http(504), true},
                      Row{"Http501", Http(501), false}, Row{"Http507", Http(507), true}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(RetryPolicyTest, NotFoundIsNotRetried) {
  EXPECT_FALSE(FirstStep(Absent()).will_retry);
  EXPECT_FALSE(FirstStep(Unrecognized404()).will_retry);
  EXPECT_FALSE(FirstStep(Http(301)).will_retry);
  EXPECT_FALSE(FirstStep(Http(202)).will_retry);
}

// `x-should-retry` and `Retry-After` of an intermediary's 404 are not the API's.
TEST(RetryPolicyTest, Unrecognized404IsFinalWhateverItsHeadersSay) {
  const RetryHint hint = {.retry_after = 1s, .should_retry = true};
  for (int status : {404, 410}) {
    Deletion deletion(RetryPolicy{}, {});
    EXPECT_FALSE(deletion.OnAttemptFinished(Http(status), hint, 60s, 0.5).will_retry);
    EXPECT_EQ(deletion.response().retry_after, std::nullopt);
    EXPECT_FALSE(deletion.response().retry_after_is_explicit);
  }
}

TEST(RetryPolicyTest, Http500RetryCanBeDisabled) {
  RetryPolicy policy;
  policy.retry_500 = false;
  EXPECT_FALSE(FirstStep(Http(500), {}, policy).will_retry);
  EXPECT_FALSE(FirstStep(Http(507), {}, policy).will_retry);
  EXPECT_TRUE(FirstStep(Http(503), {}, policy).will_retry);
}

TEST(RetryPolicyTest, ConflictRetryCanBeEnabled) {
  RetryPolicy policy;
  policy.retry_conflict = true;
  EXPECT_TRUE(FirstStep(Http(409), {}, policy).will_retry);
}

TEST(RetryPolicyTest, AttemptsAreBounded) {
  for (int max_attempts = 1; max_attempts <= 5; ++max_attempts) {
    RetryPolicy policy;
    policy.max_attempts = max_attempts;
    Deletion deletion(policy, {});
    int attempts = 0;
    do {
      ++attempts;
      ASSERT_LE(attempts, max_attempts);
    } while (deletion.OnAttemptFinished(Unavailable(), {}, kAmpleTime, 0.0).will_retry);
    EXPECT_EQ(attempts, max_attempts);
    EXPECT_EQ(deletion.attempts(), max_attempts);
  }
}

TEST(BackoffTest, ZeroRandomMeansNoBackoff) {
  Deletion deletion(RetryPolicy{}, {});
  EXPECT_EQ(deletion.OnAttemptFinished(Lost(), {}, kAmpleTime, 0.0).wait, 0ms);
  EXPECT_EQ(deletion.OnAttemptFinished(Lost(), {}, kAmpleTime, 0.0).wait, 0ms);
}

TEST(BackoffTest, FullJitterWithExponentialCap) {
  RetryPolicy policy;
  policy.max_attempts = 40;
  policy.initial_backoff = 100ms;
  policy.max_backoff = 1000ms;
  for (double random : {0.0, 0.25, 0.5, 0.75, 0.999999}) {
    Deletion deletion(policy, {});
    milliseconds bound = policy.initial_backoff;
    for (int attempt = 1; attempt < policy.max_attempts; ++attempt) {
      SCOPED_TRACE(attempt);
      const Deletion::Step step = deletion.OnAttemptFinished(Unavailable(), {}, kAmpleTime, random);
      ASSERT_TRUE(step.will_retry);
      EXPECT_GE(step.wait, 0ms);
      EXPECT_LE(step.wait, bound);
      EXPECT_NEAR(static_cast<double>(step.wait.count()),
                  random * static_cast<double>(bound.count()), 1.0);
      bound = std::min(policy.max_backoff, 2 * bound);
    }
  }
}

TEST(BackoffTest, DoesNotOverflow) {
  RetryPolicy policy;
  policy.max_attempts = 10000;
  policy.initial_backoff = std::chrono::hours(1);
  policy.max_backoff = std::chrono::hours(10);
  Deletion deletion(policy, {});
  for (int attempt = 1; attempt < policy.max_attempts; ++attempt) {
    const auto step =
        deletion.OnAttemptFinished(Unavailable(), {}, std::chrono::hours(100), 0.999999);
    ASSERT_TRUE(step.will_retry);
    ASSERT_GE(step.wait, 0ms);
    ASSERT_LE(step.wait, policy.max_backoff);
  }
}

TEST(BackoffTest, CanBeDisabled) {
  RetryPolicy policy;
  policy.initial_backoff = 0ms;
  policy.max_backoff = 0ms;
  const Deletion::Step step = FirstStep(Lost(), {}, policy, 1s, 0.999);
  EXPECT_TRUE(step.will_retry);
  EXPECT_EQ(step.wait, 0ms);
}

TEST(RetryAfterTest, IsHonored) {
  const RetryHint hint = {.retry_after = 5s, .should_retry = std::nullopt};
  for (const AttemptClassification& outcome : {Http(429), Unavailable(), Http(503), Http(500)}) {
    for (double random : {0.0, 0.999999}) {
      const Deletion::Step step = FirstStep(outcome, hint, {}, 60s, random);
      EXPECT_TRUE(step.will_retry);
      EXPECT_GE(step.wait, 5s);
      EXPECT_LE(step.wait, 5s + RetryPolicy{}.max_backoff);
    }
  }
}

TEST(RetryAfterTest, ZeroIsReturned) {
  const RetryHint hint = {.retry_after = 0ms, .should_retry = std::nullopt};
  EXPECT_TRUE(FirstStep(Http(429), hint, {}, 60s, 0.5).will_retry);
}

TEST(RetryAfterTest, TooLongRetryAfterIsReturnedToTheCaller) {
  const RetryHint hint = {.retry_after = 7s, .should_retry = std::nullopt};
  for (const AttemptClassification& outcome : {Http(429), Unavailable(), Http(503)}) {
    for (milliseconds left : {0ms, 1ms, 6999ms, 7000ms}) {
      Deletion deletion(RetryPolicy{}, {});
      EXPECT_FALSE(deletion.OnAttemptFinished(outcome, hint, left, 0.0).will_retry);
      EXPECT_EQ(deletion.response().code, outcome.code);
      EXPECT_EQ(deletion.response().retry_after, 7s);
    }
  }
}

TEST(RetryAfterTest, TooLongBackoffIsReturnedToTheCaller) {
  RetryPolicy policy;
  policy.initial_backoff = 1000ms;
  Deletion deletion(policy, {});
  EXPECT_FALSE(deletion.OnAttemptFinished(Unavailable(), {}, 100ms, 0.999).will_retry);
  ASSERT_TRUE(deletion.response().retry_after.has_value());
  EXPECT_GT(*deletion.response().retry_after, 0ms);
}

TEST(RetryAfterTest, IsReturnedAfterTheLastAttempt) {
  RetryPolicy policy;
  policy.max_attempts = 1;
  const RetryHint hint = {.retry_after = 7s, .should_retry = std::nullopt};
  Deletion deletion(policy, {});
  EXPECT_FALSE(deletion.OnAttemptFinished(Http(429), hint, 60s, 0.5).will_retry);
  EXPECT_EQ(deletion.response().retry_after, 7s);
}

TEST(RetryAfterTest, DefaultsFor429WithoutOne) {
  Deletion deletion(RetryPolicy{}, {});
  EXPECT_FALSE(deletion.OnAttemptFinished(Http(429), {}, 60s, 0.5).will_retry);
  ASSERT_TRUE(deletion.response().retry_after.has_value()) << "429 is answered with RetryInfo";
  EXPECT_GT(*deletion.response().retry_after, 0ms);
}

TEST(RetryAfterTest, EarlierAttemptsRetryAfterIsDropped) {
  Deletion deletion(RetryPolicy{}, {});
  const RetryHint hint = {.retry_after = 1s, .should_retry = std::nullopt};
  ASSERT_TRUE(deletion.OnAttemptFinished(Unavailable(), hint, 60s, 0.5).will_retry);
  EXPECT_FALSE(deletion.OnAttemptFinished(Http(400), {}, 50s, 0.5).will_retry);
  EXPECT_EQ(deletion.response().retry_after, std::nullopt);
}

TEST(RetryAfterTest, IsIgnoredOnceGone) {
  const RetryHint hint = {.retry_after = 1s, .should_retry = true};
  for (const std::vector<AttemptClassification>& attempts :
       {std::vector{Deleted()}, std::vector{Lost(), Deleted()}}) {
    Deletion deletion(RetryPolicy{}, {});
    Deletion::Step step;
    for (const AttemptClassification& attempt : attempts)
      step = deletion.OnAttemptFinished(attempt, hint, 60s, 0.5);
    EXPECT_FALSE(step.will_retry);
    EXPECT_EQ(deletion.response().retry_after, std::nullopt);
  }
}

TEST(RetryAfterTest, BackoffLeavesTimeForAnAttempt) {
  // Whatever the numbers, a wait that is begun leaves time for an attempt.
  for (int left = 0; left <= 400; ++left) {
    for (double random : {0.0, 0.1, 0.5, 0.999}) {
      const Deletion::Step step = FirstStep(Lost(), {}, {}, milliseconds(left), random);
      if (step.will_retry) {
        EXPECT_LE(step.wait + kMinAttemptTime, milliseconds(left));
      }
    }
  }
  EXPECT_TRUE(FirstStep(Lost(), {}, {}, 400ms, 0.999).will_retry);
}

}  // namespace
}  // namespace evalrun::deletion
