// SPDX-License-Identifier: Apache-2.0

#include "service/cli/delete_schedule.h"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Kind = AttemptSummary::Kind;
using State = DeleteSchedule::State;
using Step = DeleteSchedule::Step;
using Time = DeleteSchedule::Time;

constexpr AttemptSummary kGone{Kind::kGone, false};
constexpr AttemptSummary kFailed{Kind::kFailed, false};
constexpr AttemptSummary kUnknown{Kind::kUnknown, true};

AttemptSummary Refused(std::optional<milliseconds> retry_after) {
  return {Kind::kRejected, false, retry_after};
}

// A schedule with its own clock.
struct Harness {
  Harness(const SchedulePolicy& policy, std::size_t count) : schedule(policy, count) {}

  // The next id to send. Fails if none can be sent now.
  std::size_t Sent() {
    const Step step = schedule.Next(now);
    EXPECT_EQ(step.kind, Step::Kind::kSend);
    allow_missing = step.allow_missing;
    return step.index;
  }
  // The time until which nothing can be sent.
  std::optional<Time> Waits() {
    const Step step = schedule.Next(now);
    EXPECT_EQ(step.kind, Step::Kind::kWait);
    return step.until;
  }
  bool Ended() { return schedule.Next(now).kind == Step::Kind::kEnd; }
  State Respond(std::size_t index, const AttemptSummary& response) {
    return schedule.OnResponse(index, response, now, /*random=*/0);
  }

  DeleteSchedule schedule;
  Time now{hours};
  static constexpr std::chrono::hours hours{1};
  bool allow_missing = false;  // of the last id sent
};

TEST(DeleteScheduleTest, SendsEachIdOnceWithinTheConcurrencyLimit) {
  Harness bench({.concurrency = 2}, 3);
  EXPECT_EQ(bench.Sent(), 0u);
  EXPECT_EQ(bench.Sent(), 1u);
  EXPECT_EQ(bench.Waits(), std::nullopt);
  EXPECT_EQ(bench.Respond(1, kGone), State::kGone);
  EXPECT_EQ(bench.Sent(), 2u);
  EXPECT_EQ(bench.Waits(), std::nullopt);
  EXPECT_EQ(bench.Respond(0, kFailed), State::kFailed);
  EXPECT_EQ(bench.Waits(), std::nullopt) << "one is still in flight";
  EXPECT_EQ(bench.Respond(2, kUnknown), State::kUnknown);
  EXPECT_TRUE(bench.Ended());
  EXPECT_EQ(bench.schedule.stop_reason(), StopReason::kNone);
}

TEST(DeleteScheduleTest, EndsImmediatelyWithoutIds) { EXPECT_TRUE(Harness({}, 0).Ended()); }

TEST(DeleteScheduleTest, RejectionPausesAllAndIsRetriedFirst) {
  Harness bench({.concurrency = 2}, 9);
  bench.Sent();
  bench.Sent();
  EXPECT_EQ(bench.Respond(1, Refused(seconds(3))), State::kPending);
  EXPECT_EQ(bench.Waits(), std::nullopt) << "the limit is now one call, which is in flight";
  bench.Respond(0, kGone);
  EXPECT_EQ(bench.Waits(), bench.now + seconds(3));
  bench.now += seconds(3) - milliseconds(1);
  EXPECT_EQ(bench.Waits(), bench.now + milliseconds(1));
  bench.now += milliseconds(1);
  EXPECT_EQ(bench.Sent(), 1u);
  EXPECT_FALSE(bench.allow_missing) << "it was certainly not deleted";
}

TEST(DeleteScheduleTest, HalvesConcurrencyPerPauseThenRecovers) {
  Harness bench({.concurrency = 8}, 1000);
  for (int i = 0; i < 8; ++i) bench.Sent();
  for (std::size_t i = 0; i < 8; ++i) bench.Respond(i, Refused(milliseconds(10)));
  EXPECT_EQ(bench.schedule.limit(), 4) << "eight rejections in one round reduce the limit once";
  bench.now += seconds(1);
  bench.Respond(bench.Sent(), Refused(milliseconds(10)));
  EXPECT_EQ(bench.schedule.limit(), 2);
  bench.now += seconds(30);
  for (int i = 0; i < 100; ++i) bench.Respond(bench.Sent(), kGone);
  EXPECT_EQ(bench.schedule.limit(), 8);
}

TEST(DeleteScheduleTest, BacksOffExponentiallyOnConsecutiveRejections) {
  Harness bench({.concurrency = 1, .max_attempts = 100}, 1);
  for (const int wait : {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000}) {
    bench.Respond(bench.Sent(), Refused(std::nullopt));
    EXPECT_EQ(bench.Waits(), bench.now + milliseconds(wait));
    bench.now += milliseconds(wait);
  }
}

TEST(DeleteScheduleTest, WaitsAtLeastRetryAfterPlusJitter) {
  Harness bench({.concurrency = 1}, 1);
  bench.Sent();
  bench.schedule.OnResponse(0, Refused(seconds(10)), bench.now, /*random=*/0.5);
  EXPECT_EQ(bench.Waits(), bench.now + milliseconds(10'500));
}

TEST(DeleteScheduleTest, RetryAfterAboveMaxWaitStops) {
  Harness bench({.concurrency = 1, .max_wait = minutes(1)}, 2);
  bench.Sent();
  EXPECT_EQ(bench.Respond(0, Refused(minutes(1) + milliseconds(1))), State::kPending);
  EXPECT_TRUE(bench.Ended());
  EXPECT_EQ(bench.schedule.stop_reason(), StopReason::kRetryAfterTooLong);
  EXPECT_EQ(bench.schedule.state(1), State::kPending);
}

// With thousands of ids, each must not be rejected ten times.
TEST(DeleteScheduleTest, OnlyRejectionsStop) {
  Harness bench({.concurrency = 4, .max_attempts = 3}, 1000);
  int calls = 0;
  for (;;) {
    const Step step = bench.schedule.Next(bench.now);
    if (step.kind == Step::Kind::kEnd) break;
    if (step.kind == Step::Kind::kSend) {
      ++calls;
      bench.Respond(step.index, Refused(std::nullopt));
    } else if (step.until.has_value()) {
      bench.now = *step.until;
    }
  }
  EXPECT_EQ(bench.schedule.stop_reason(), StopReason::kAlwaysRejected);
  EXPECT_EQ(calls, 3);
}

TEST(DeleteScheduleTest, SuccessBetweenRejectionsResetsTheCount) {
  Harness bench({.concurrency = 1, .max_attempts = 2}, 50);
  for (int i = 0; i < 50; ++i) {
    bench.Respond(bench.Sent(), Refused(milliseconds(1)));
    bench.now += seconds(1);
    bench.Respond(bench.Sent(), kGone);
  }
  EXPECT_TRUE(bench.Ended());
  EXPECT_EQ(bench.schedule.stop_reason(), StopReason::kNone);
}

TEST(DeleteScheduleTest, DoesNotRetryASingleRejectedRun) {
  Harness bench({.retry_rejected = false}, 1);
  bench.Sent();
  EXPECT_EQ(bench.Respond(0, Refused(seconds(1))), State::kFailed);
  EXPECT_TRUE(bench.Ended());
}

TEST(DeleteScheduleTest, RetriesUnknownWithAllowMissingUntilResolved) {
  Harness bench({.retry_unknown = true}, 1);
  bench.Sent();
  EXPECT_FALSE(bench.allow_missing);
  EXPECT_EQ(bench.Respond(0, kUnknown), State::kPending);
  EXPECT_EQ(bench.Waits(), bench.now + milliseconds(500));
  bench.now += milliseconds(500);
  EXPECT_EQ(bench.Sent(), 0u);
  EXPECT_TRUE(bench.allow_missing);
  EXPECT_EQ(bench.Respond(0, kGone), State::kGone);
  EXPECT_TRUE(bench.Ended());
}

TEST(DeleteScheduleTest, OtherIdsProceedWhileAnUnknownOneWaits) {
  Harness bench({.concurrency = 1, .retry_unknown = true}, 2);
  bench.Respond(bench.Sent(), kUnknown);
  EXPECT_EQ(bench.Sent(), 1u);
}

TEST(DeleteScheduleTest, RetriesUnknownAtMostMaxAttempts) {
  Harness bench({.max_attempts = 3, .retry_unknown = true}, 1);
  for (int i = 0; i < 3; ++i) {
    bench.now += minutes(1);
    const State state = bench.Respond(bench.Sent(), kUnknown);
    EXPECT_EQ(state, i < 2 ? State::kPending : State::kUnknown);
  }
  EXPECT_TRUE(bench.Ended());
}

// The certainty covers all calls for an id.
TEST(DeleteScheduleTest, EarlierUnknownAttemptKeepsResultUnknown) {
  Harness bench({.retry_unknown = true}, 1);
  bench.Respond(bench.Sent(), kUnknown);
  bench.now += minutes(1);
  EXPECT_EQ(bench.Respond(bench.Sent(), kFailed), State::kUnknown);
}

TEST(DeleteScheduleTest, EarlierUnknownCommandKeepsResultUnknown) {
  Harness bench({}, 2);
  bench.schedule.MarkPossiblyDeleted(1);
  bench.Sent();
  EXPECT_FALSE(bench.allow_missing);
  bench.Sent();
  EXPECT_TRUE(bench.allow_missing);
  EXPECT_EQ(bench.Respond(0, kFailed), State::kFailed);
  EXPECT_EQ(bench.Respond(1, kFailed), State::kUnknown);
}

TEST(DeleteScheduleTest, StopLetsCallsInFlightFinish) {
  Harness bench({.concurrency = 2, .retry_unknown = true}, 5);
  bench.Sent();
  bench.Sent();
  bench.schedule.Stop(StopReason::kInterrupted);
  EXPECT_EQ(bench.Waits(), std::nullopt);
  EXPECT_EQ(bench.Respond(0, kGone), State::kGone);
  EXPECT_EQ(bench.Respond(1, kUnknown), State::kUnknown) << "it is not retried";
  EXPECT_TRUE(bench.Ended());
  bench.schedule.Stop(StopReason::kOutputClosed);
  EXPECT_EQ(bench.schedule.stop_reason(), StopReason::kInterrupted);
}

TEST(DeleteScheduleTest, FatalErrorStopsAll) {
  Harness bench({.concurrency = 1}, 2);
  bench.Sent();
  EXPECT_EQ(bench.Respond(0, {Kind::kFatal, false}), State::kFailed);
  EXPECT_TRUE(bench.Ended());
  EXPECT_EQ(bench.schedule.stop_reason(), StopReason::kFatal);
  EXPECT_EQ(bench.schedule.state(1), State::kPending);
}

TEST(DeleteScheduleTest, RequeueDoesNotCountAsAttempt) {
  Harness bench({.max_attempts = 1}, 1);
  bench.schedule.Requeue(bench.Sent());
  EXPECT_EQ(bench.schedule.state(0), State::kPending);
  EXPECT_EQ(bench.schedule.in_flight(), 0);
  EXPECT_EQ(bench.Respond(bench.Sent(), Refused(milliseconds(1))), State::kFailed);
}

// For any responses: the number of calls in flight and of attempts is bounded, and it ends.
TEST(DeleteScheduleTest, InvariantsHoldForRandomResponses) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const SchedulePolicy policy{.concurrency = static_cast<int>(1 + seed % 7),
                                .max_attempts = static_cast<int>(1 + seed % 5),
                                .retry_unknown = seed % 2 == 0};
    Harness bench(policy, 40);
    std::map<std::size_t, int> attempts;
    std::set<std::size_t> in_flight;
    unsigned random = seed * 2654435761U + 1;
    const auto draw = [&random](unsigned below) {
      random = random * 1664525U + 1013904223U;
      return (random >> 16U) % below;
    };
    int steps = 0;
    for (;; ++steps) {
      ASSERT_LT(steps, 100'000) << "seed " << seed;
      const Step step = bench.schedule.Next(bench.now);
      if (step.kind == Step::Kind::kEnd) break;
      if (step.kind == Step::Kind::kSend) {
        ASSERT_TRUE(in_flight.insert(step.index).second);
        ASSERT_LE(++attempts[step.index], policy.max_attempts);
        ASSERT_LE(static_cast<int>(in_flight.size()), policy.concurrency);
      } else if (!in_flight.empty() && (draw(2) == 0 || !step.until.has_value())) {
        const std::size_t index = *std::next(in_flight.begin(), draw(in_flight.size()));
        in_flight.erase(index);
        const AttemptSummary kResponses[] = {kGone, kFailed, kUnknown, Refused(milliseconds(50))};
        bench.Respond(index, kResponses[draw(4)]);
      } else {
        ASSERT_TRUE(step.until.has_value()) << "waits without a reason";
        bench.now = *step.until;
      }
    }
    EXPECT_TRUE(in_flight.empty());
    for (std::size_t i = 0; i < 40; ++i) {
      if (bench.schedule.stop_reason() == StopReason::kNone) {
        EXPECT_NE(bench.schedule.state(i), State::kPending);
      }
    }
  }
}

DeleteResult Report(absl::StatusCode code, std::string deletion,
                    std::optional<milliseconds> retry_after = std::nullopt) {
  DeleteResult report;
  report.code = code;
  report.deletion = std::move(deletion);
  report.retry_after = retry_after;
  return report;
}

DeleteResult ScopeNotFound(std::string deletion) {
  DeleteResult report = Report(absl::StatusCode::kFailedPrecondition, std::move(deletion));
  report.reason = "SCOPE_NOT_FOUND";
  return report;
}

DeleteResult DeletionsStopped(std::string deletion) {
  DeleteResult report = Report(absl::StatusCode::kFailedPrecondition, std::move(deletion));
  report.reason = "DELETIONS_STOPPED";
  return report;
}

DeleteResult WithReason(absl::StatusCode code, std::string reason) {
  DeleteResult report = Report(code, "not_performed");
  report.reason = std::move(reason);
  return report;
}

TEST(SummarizeAttemptTest, Table) {
  using absl::StatusCode;
  const struct {
    DeleteResult report;
    Kind kind;
    bool possibly_deleted;
  } kTable[] = {
      {Report(StatusCode::kOk, "performed"), Kind::kGone, false},
      {Report(StatusCode::kOk, "absent"), Kind::kGone, false},
      {Report(StatusCode::kNotFound, "absent"), Kind::kFailed, false},
      {Report(StatusCode::kAborted, "not_performed", seconds(1)), Kind::kFailed, false},
      {Report(StatusCode::kPermissionDenied, "not_performed"), Kind::kFailed, false},
      {Report(StatusCode::kResourceExhausted, "not_performed"), Kind::kRejected, false},
      {Report(StatusCode::kResourceExhausted, "not_performed", seconds(1)), Kind::kRejected, false},
      {Report(StatusCode::kResourceExhausted, "unknown", seconds(1)), Kind::kUnknown, true},
      {Report(StatusCode::kUnavailable, "not_performed", seconds(1)), Kind::kRejected, false},
      {Report(StatusCode::kUnavailable, "not_performed"), Kind::kFailed, false},
      {Report(StatusCode::kUnavailable, "unknown", seconds(1)), Kind::kUnknown, true},
      {Report(StatusCode::kDeadlineExceeded, "unknown"), Kind::kUnknown, true},
      {Report(StatusCode::kUnauthenticated, "not_performed"), Kind::kFatal, false},
      {Report(StatusCode::kUnauthenticated, "unknown"), Kind::kFatal, true},
      {Report(StatusCode::kUnimplemented, "unknown"), Kind::kFatal, true},
      {Report(StatusCode::kFailedPrecondition, "not_performed"), Kind::kFailed, false},
      {ScopeNotFound("not_performed"), Kind::kFatal, false},
      {ScopeNotFound("unknown"), Kind::kFatal, true},
      {DeletionsStopped("not_performed"), Kind::kFatal, false},
      {DeletionsStopped("unknown"), Kind::kFatal, true},
      {WithReason(StatusCode::kFailedPrecondition, "RUN_PROTECTED"), Kind::kFailed, false},
      {WithReason(StatusCode::kUnavailable, "AUDIT_UNAVAILABLE"), Kind::kRejected, false},
  };
  for (const auto& [report, kind, possibly_deleted] : kTable) {
    const AttemptSummary response = SummarizeAttempt(report);
    EXPECT_EQ(response.kind, kind) << absl::StatusCodeToString(report.code) << report.deletion;
    EXPECT_EQ(response.possibly_deleted, possibly_deleted);
    EXPECT_EQ(response.retry_after, report.retry_after);
  }
}

}  // namespace
}  // namespace evalrun::cli
