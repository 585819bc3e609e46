// What holds for every deletion, tried on many random ones. The seeds are fixed.
#include <array>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/deletion/deletion_testing.h"

namespace evalrun::deletion {
namespace {

using absl::StatusCode;
using std::chrono::milliseconds;

class RandomSource {
 public:
  explicit RandomSource(unsigned seed) : random_(seed) {}
  unsigned Below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  bool Coin() { return Below(2) == 0; }
  double Fraction() { return std::uniform_real_distribution<double>(0.0, 1.0)(random_); }

  AttemptClassification Outcome() {
    constexpr BodyKind kBodies[] = {BodyKind::kEmpty, BodyKind::kJson, BodyKind::kApiError,
                                    BodyKind::kOther};
    constexpr int kStatuses[] = {200, 204, 202, 301, 400, 401, 403, 404, 404, 404, 408, 409,
                                 410, 422, 425, 429, 429, 499, 500, 500, 502, 503, 503, 504};
    constexpr Fault kFaults[] = {Fault::kResolve,        Fault::kConnect,  Fault::kTls,
                                 Fault::kTimeout,        Fault::kProtocol, Fault::kTooLarge,
                                 Fault::kConnectionLost, Fault::kInternal};
    if (Below(3) == 0) return ClassifyFault(kFaults[Below(8)], Coin());
    if (Below(20) == 0) return ClassifyStatus(static_cast<int>(Below(700)), kBodies[Below(4)]);
    return ClassifyStatus(kStatuses[Below(24)], kBodies[Below(4)]);
  }

  RetryHint Hint() {
    RetryHint hint;
    if (Below(3) == 0) hint.retry_after = milliseconds(Below(5000));
    if (Below(3) == 0) hint.should_retry = Coin();
    return hint;
  }

 private:
  std::mt19937 random_;
};

struct Scenario {
  Deletion::Request request;
  int max_attempts = 0;
  std::vector<AttemptClassification> sends;
  Deletion::Response answer;

  bool Any(Effect effect) const {
    return std::any_of(sends.begin(), sends.end(), [effect](const AttemptClassification& send) {
      return send.effect == effect;
    });
  }
};

void PrintTo(const Scenario& scenario, std::ostream* os) {
  *os << "allow_missing " << scenario.request.allow_missing << ", attempted_before "
      << scenario.request.attempted_before << ", sends "
      << ::testing::PrintToString(scenario.sends);
}

void ExpectValidStep(const Deletion::Step& step, const AttemptClassification& outcome,
                     const RetryHint& hint, milliseconds time_left, bool last) {
  EXPECT_GE(step.wait.count(), 0);
  if (!step.will_retry) return;
  EXPECT_FALSE(last) << "more sends than max_attempts";
  EXPECT_NE(outcome.effect, Effect::kDeleted) << "sent again after it was deleted";
  EXPECT_LT(step.wait, time_left) << "a wait that leaves no time";
  EXPECT_NE(hint.should_retry, false);
  if (hint.retry_after.has_value()) {
    EXPECT_GE(step.wait, *hint.retry_after);
  }
  if (outcome.retry == Retry::kNever) {
    EXPECT_EQ(hint.should_retry, true);
  }
}

Scenario RunRandomScenario(RandomSource& random_source) {
  Scenario scenario;
  scenario.request = {.allow_missing = random_source.Coin(),
                      .attempted_before = random_source.Below(4) == 0};
  RetryPolicy policy;
  policy.max_attempts = static_cast<int>(random_source.Below(5) + 1);
  policy.retry_500 = random_source.Coin();
  policy.retry_conflict = random_source.Coin();
  scenario.max_attempts = policy.max_attempts;
  Deletion deletion(policy, scenario.request);
  milliseconds time_left(random_source.Below(20000));
  for (;;) {
    const AttemptClassification outcome = random_source.Outcome();
    const RetryHint hint = random_source.Hint();
    scenario.sends.push_back(outcome);
    const Deletion::Step step =
        deletion.OnAttemptFinished(outcome, hint, time_left, random_source.Fraction());
    EXPECT_EQ(deletion.sends(), static_cast<int>(scenario.sends.size()));
    ExpectValidStep(step, outcome, hint, time_left, deletion.sends() >= policy.max_attempts);
    if (!step.will_retry || ::testing::Test::HasFailure()) break;
    time_left -= step.wait;
  }
  scenario.answer = deletion.answer();
  return scenario;
}

void ExpectConsistentResponse(const Scenario& scenario) {
  const Deletion::Response& answer = scenario.answer;
  const bool ok = answer.code == StatusCode::kOk;
  const bool maybe = scenario.Any(Effect::kUnknown) || scenario.request.attempted_before;

  EXPECT_EQ(answer.sends, static_cast<int>(scenario.sends.size()));
  EXPECT_LE(answer.sends, scenario.max_attempts);
  EXPECT_EQ(answer.reason.empty(), ok);

  if (scenario.Any(Effect::kDeleted)) {
    EXPECT_TRUE(ok);
    EXPECT_EQ(answer.certainty, Certainty::kPerformed);
    return;
  }
  EXPECT_NE(answer.certainty, Certainty::kPerformed);
  if (ok) {
    EXPECT_TRUE(scenario.Any(Effect::kAbsent)) << "OK without evidence";
    EXPECT_TRUE(maybe || scenario.request.allow_missing);
    EXPECT_TRUE(answer.certainty == Certainty::kPresumed || answer.certainty == Certainty::kAbsent);
    EXPECT_EQ(answer.retry_after, std::nullopt);
  }
  switch (answer.certainty) {
    case Certainty::kPerformed:
      break;
    case Certainty::kPresumed:
      EXPECT_TRUE(ok);
      EXPECT_TRUE(maybe) << "presumed, although nothing may have done it";
      break;
    case Certainty::kAbsent:
      EXPECT_TRUE(scenario.Any(Effect::kAbsent));
      EXPECT_FALSE(maybe) << "absent, although something may have deleted it";
      break;
    case Certainty::kNotPerformed:
      EXPECT_FALSE(ok);
      EXPECT_FALSE(scenario.Any(Effect::kUnknown)) << "not_performed, although a send is unknown";
      break;
    case Certainty::kUnknown:
      EXPECT_FALSE(ok);
      EXPECT_TRUE(maybe) << "unknown, although every send is certain";
      break;
  }
  if (answer.code == StatusCode::kNotFound) {
    EXPECT_FALSE(maybe) << "NOT_FOUND, although a send may have deleted it";
  }
}

TEST(DeletionInvariantsTest, HoldForRandomScenarios) {
  RandomSource random_source(20240604);
  std::array<int, kCertaintyCount> seen = {};
  for (int i = 0; i < 200'000; ++i) {
    const Scenario scenario = RunRandomScenario(random_source);
    SCOPED_TRACE(::testing::PrintToString(scenario));
    ExpectConsistentResponse(scenario);
    if (HasFailure()) return;
    ++seen[static_cast<size_t>(scenario.answer.certainty)];
  }
  // The sweep is worth something only if it reached everything.
  EXPECT_THAT(seen, ::testing::Each(::testing::Gt(1000)));
}

TEST(DeletionInvariantsTest, AbandonNeverOverstatesCertainty) {
  RandomSource random_source(20240605);
  for (int i = 0; i < 50'000; ++i) {
    Scenario scenario;
    scenario.request.allow_missing = random_source.Coin();
    Deletion deletion(RetryPolicy{}, scenario.request);
    for (unsigned sends = random_source.Below(3); sends > 0; --sends) {
      const AttemptClassification outcome = random_source.Outcome();
      // Only what may be followed by a further send can be followed by the end of the call.
      if (outcome.effect == Effect::kDeleted || outcome.effect == Effect::kAbsent) continue;
      scenario.sends.push_back(outcome);
      deletion.OnAttemptFinished(outcome, random_source.Hint(), milliseconds(10000),
                                 random_source.Fraction());
    }
    const bool in_flight = random_source.Coin();
    const auto answer = deletion.Abandon(StatusCode::kDeadlineExceeded, "TOO_LATE", in_flight);
    SCOPED_TRACE(::testing::PrintToString(scenario));
    EXPECT_EQ(answer.code, StatusCode::kDeadlineExceeded);
    EXPECT_EQ(answer.certainty, in_flight || scenario.Any(Effect::kUnknown)
                                    ? Certainty::kUnknown
                                    : Certainty::kNotPerformed);
    EXPECT_EQ(answer.sends, static_cast<int>(scenario.sends.size()) + (in_flight ? 1 : 0));
    if (HasFailure()) return;
  }
}

TEST(DeletionInvariantsTest, IsDeterministic) {
  RandomSource one(7);
  RandomSource two(7);
  for (int i = 0; i < 1000; ++i) {
    const Scenario a = RunRandomScenario(one);
    const Scenario b = RunRandomScenario(two);
    ASSERT_EQ(a.sends, b.sends);
    ASSERT_EQ(a.answer.code, b.answer.code);
    ASSERT_EQ(a.answer.certainty, b.answer.certainty);
    ASSERT_EQ(a.answer.retry_after, b.answer.retry_after);
  }
}

}  // namespace
}  // namespace evalrun::deletion
