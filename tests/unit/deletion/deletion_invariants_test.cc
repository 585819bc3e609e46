// SPDX-License-Identifier: Apache-2.0
//
// What holds for every deletion: tried on many random ones, with fixed seeds, and on every sequence
// of attempts up to a length.
#include <algorithm>
#include <array>
#include <functional>
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
                                 Fault::kConnectionLost, Fault::kInternal, Fault::kProxyRefused};
    if (Below(3) == 0) return ClassifyFault(kFaults[Below(9)], Coin());
    if (Below(20) == 0) return ClassifyStatus(static_cast<int>(Below(700)), kBodies[Below(4)]);
    AttemptClassification outcome = ClassifyStatus(kStatuses[Below(24)], kBodies[Below(4)]);
    if (outcome.effect == Effect::kAbsent) outcome.scope = Scope().value_or(outcome.scope);
    return outcome;
  }

  // What a deletion that needs proof of its scope is told; nullopt: nothing, the time is up.
  std::optional<ScopeStatus> Scope() {
    constexpr ScopeStatus kStatuses[] = {ScopeStatus::kProven, ScopeStatus::kMissing,
                                         ScopeStatus::kUnverifiable};
    const unsigned status = Below(4);
    return status == 3 ? std::nullopt : std::optional(kStatuses[status]);
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
  std::vector<AttemptClassification> attempts;
  std::optional<ScopeStatus> scope;  // as the deletion was told
  Deletion::Response response;

  bool Any(Effect effect) const {
    return std::ranges::any_of(attempts, [effect](const AttemptClassification& attempt) {
      return attempt.effect == effect;
    });
  }
  // Whether the API has said that the run is absent, and the scope is known to exist.
  bool IsAbsenceProven() const {
    return std::ranges::any_of(attempts, [this](const AttemptClassification& attempt) {
      return attempt.effect == Effect::kAbsent && attempt.scope != ScopeStatus::kMissing &&
             (!request.verify_scope || attempt.scope == ScopeStatus::kProven ||
              scope == ScopeStatus::kProven);
    });
  }
};

void PrintTo(const Scenario& scenario, std::ostream* os) {
  *os << "allow_missing " << scenario.request.allow_missing << ", attempted_before "
      << scenario.request.attempted_before << ", verify_scope " << scenario.request.verify_scope
      << ", attempts " << ::testing::PrintToString(scenario.attempts) << ", scope "
      << ::testing::PrintToString(scenario.scope);
}

void ExpectValidStep(const Deletion::Step& step, const AttemptClassification& outcome,
                     const RetryHint& hint, milliseconds time_left, bool last) {
  EXPECT_GE(step.wait.count(), 0);
  if (!step.will_retry) return;
  EXPECT_FALSE(last) << "more attempts than max_attempts";
  EXPECT_FALSE(step.needs_scope_proof) << "two next steps";
  EXPECT_NE(outcome.effect, Effect::kDeleted) << "retried after it was deleted";
  EXPECT_NE(outcome.effect, Effect::kAbsent) << "retried after a 404 of the API";
  EXPECT_LE(step.wait + kMinAttemptTime, time_left) << "a wait that leaves no time";
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
                      .attempted_before = random_source.Below(4) == 0,
                      .verify_scope = random_source.Coin()};
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
    scenario.attempts.push_back(outcome);
    const Deletion::Step step =
        deletion.OnAttemptFinished(outcome, hint, time_left, random_source.Fraction());
    EXPECT_EQ(deletion.attempts(), static_cast<int>(scenario.attempts.size()));
    ExpectValidStep(step, outcome, hint, time_left, deletion.attempts() >= policy.max_attempts);
    if (step.needs_scope_proof) {
      scenario.scope = random_source.Scope();
      if (scenario.scope.has_value()) deletion.OnScopeChecked(*scenario.scope);
    }
    if (!step.will_retry || ::testing::Test::HasFailure()) break;
    time_left -= step.wait;
  }
  scenario.response = deletion.response();
  return scenario;
}

void ExpectConsistentResponse(const Scenario& scenario) {
  const Deletion::Response& response = scenario.response;
  const bool ok = response.code == StatusCode::kOk;
  const bool maybe = scenario.Any(Effect::kUnknown) || scenario.request.attempted_before;

  EXPECT_EQ(response.attempts, static_cast<int>(scenario.attempts.size()));
  EXPECT_LE(response.attempts, scenario.max_attempts);
  EXPECT_EQ(response.reason.empty(), ok);

  if (scenario.Any(Effect::kDeleted)) {
    EXPECT_TRUE(ok);
    EXPECT_EQ(response.certainty, Certainty::kPerformed);
    return;
  }
  EXPECT_NE(response.certainty, Certainty::kPerformed);
  if (ok) {
    EXPECT_TRUE(scenario.IsAbsenceProven()) << "OK without evidence";
    EXPECT_TRUE(maybe || scenario.request.allow_missing);
    EXPECT_TRUE(response.certainty == Certainty::kPresumed ||
                response.certainty == Certainty::kAbsent);
    EXPECT_EQ(response.retry_after, std::nullopt);
  }
  switch (response.certainty) {
    case Certainty::kPerformed:
      break;
    case Certainty::kPresumed:
      EXPECT_TRUE(ok);
      EXPECT_TRUE(scenario.IsAbsenceProven()) << "presumed without proof of the scope";
      EXPECT_TRUE(maybe) << "presumed, although nothing may have done it";
      break;
    case Certainty::kAbsent:
      EXPECT_TRUE(scenario.IsAbsenceProven()) << "absent without proof of the scope";
      EXPECT_FALSE(maybe) << "absent, although something may have deleted it";
      break;
    case Certainty::kNotPerformed:
      EXPECT_FALSE(ok);
      EXPECT_FALSE(maybe) << "not_performed, although something may have deleted it";
      break;
    case Certainty::kUnknown:
      EXPECT_FALSE(ok);
      EXPECT_TRUE(maybe) << "unknown, although every attempt is certain";
      break;
  }
  if (response.code == StatusCode::kNotFound) {
    EXPECT_FALSE(maybe) << "NOT_FOUND, although an attempt may have deleted it";
    EXPECT_TRUE(scenario.IsAbsenceProven()) << "NOT_FOUND without evidence";
    EXPECT_EQ(response.certainty, Certainty::kAbsent);
  }
  if (response.is_scope_error) {
    const AttemptClassification& last = scenario.attempts.back();
    EXPECT_FALSE(ok);
    EXPECT_EQ(last.effect, Effect::kAbsent);
    EXPECT_NE(last.scope, ScopeStatus::kProven);
    EXPECT_TRUE(scenario.request.verify_scope || last.scope == ScopeStatus::kMissing);
    const bool is_missing =
        last.scope == ScopeStatus::kMissing || scenario.scope == ScopeStatus::kMissing;
    EXPECT_EQ(response.reason, is_missing ? kScopeNotFoundReason : kAbsenceUnverifiedReason);
  }
}

TEST(DeletionInvariantsTest, HoldForRandomScenarios) {
  RandomSource random_source(20240604);
  std::array<int, kCertaintyCount> seen = {};
  int scope_errors = 0;
  for (int i = 0; i < 200'000; ++i) {
    const Scenario scenario = RunRandomScenario(random_source);
    SCOPED_TRACE(::testing::PrintToString(scenario));
    ExpectConsistentResponse(scenario);
    if (HasFailure()) return;
    ++seen[static_cast<size_t>(scenario.response.certainty)];
    if (scenario.response.is_scope_error) ++scope_errors;
  }
  // The sweep is only useful if it reached everything.
  EXPECT_THAT(seen, ::testing::Each(::testing::Gt(1000)));
  EXPECT_GT(scope_errors, 1000);
}

// Whatever the policy would do: every sequence of up to `length` attempts, with and without
// everything that a request and a scope can be.
void ForEverySequence(int length, const std::function<void(const Scenario&)>& check) {
  const AttemptClassification kinds[] = {Deleted(),
                                         Absent(),
                                         AbsentByCode(ScopeStatus::kProven),
                                         AbsentByCode(ScopeStatus::kMissing),
                                         Unrecognized404(),
                                         Lost(),
                                         ConnectRefused(),
                                         Unavailable(),
                                         Http(401),
                                         Http(409),
                                         Http(500)};
  const std::optional<ScopeStatus> scopes[] = {std::nullopt, ScopeStatus::kProven,
                                               ScopeStatus::kMissing, ScopeStatus::kUnverifiable};
  std::vector<AttemptClassification> attempts;
  const std::function<void()> extend = [&] {
    for (const AttemptClassification& kind : kinds) {
      attempts.push_back(kind);
      for (unsigned flags = 0; flags < 8; ++flags) {
        for (const std::optional<ScopeStatus>& scope : scopes) {
          check({.request = {.allow_missing = (flags & 1) != 0,
                             .attempted_before = (flags & 2) != 0,
                             .verify_scope = (flags & 4) != 0},
                 .max_attempts = length,
                 .attempts = attempts,
                 .scope = scope,
                 .response = {}});
        }
      }
      // No attempt follows a 404 of the API or a success.
      const bool is_final = kind.effect == Effect::kDeleted || kind.effect == Effect::kAbsent;
      if (!is_final && static_cast<int>(attempts.size()) < length) extend();
      attempts.pop_back();
    }
  };
  extend();
}

TEST(DeletionInvariantsTest, HoldForEverySequence) {
  int ok_by_proof = 0;
  ForEverySequence(4, [&](Scenario scenario) {
    if (HasFailure()) return;
    RetryPolicy policy;
    policy.max_attempts = scenario.max_attempts;
    Deletion deletion(policy, scenario.request);
    Deletion::Step step;
    for (const AttemptClassification& attempt : scenario.attempts) {
      step = deletion.OnAttemptFinished(attempt, {}, kAmpleTime, 0.5);
    }
    const AttemptClassification& last = scenario.attempts.back();
    EXPECT_EQ(step.needs_scope_proof, scenario.request.verify_scope &&
                                          last.effect == Effect::kAbsent &&
                                          last.scope == ScopeStatus::kUnverifiable);
    if (!step.needs_scope_proof) scenario.scope.reset();
    if (scenario.scope.has_value()) deletion.OnScopeChecked(*scenario.scope);
    scenario.response = deletion.response();
    SCOPED_TRACE(::testing::PrintToString(scenario));
    ExpectConsistentResponse(scenario);
    const bool ok = scenario.response.code == StatusCode::kOk;
    if (ok && scenario.scope == ScopeStatus::kProven) ++ok_by_proof;
  });
  EXPECT_GT(ok_by_proof, 100);
}

TEST(DeletionInvariantsTest, AbandonNeverOverstatesCertainty) {
  RandomSource random_source(20240605);
  for (int i = 0; i < 50'000; ++i) {
    Scenario scenario;
    scenario.request.allow_missing = random_source.Coin();
    Deletion deletion(RetryPolicy{}, scenario.request);
    for (unsigned attempts = random_source.Below(3); attempts > 0; --attempts) {
      const AttemptClassification outcome = random_source.Outcome();
      // After a success the call has ended. A 404 may be the last attempt: its scope is verified.
      if (outcome.effect == Effect::kDeleted) continue;
      if (outcome.effect == Effect::kAbsent && attempts != 1) continue;
      scenario.attempts.push_back(outcome);
      deletion.OnAttemptFinished(outcome, random_source.Hint(), milliseconds(10000),
                                 random_source.Fraction());
    }
    const bool is_over = scenario.Any(Effect::kAbsent);
    const bool in_flight = !is_over && random_source.Coin();
    const auto response = deletion.Abandon(StatusCode::kDeadlineExceeded, "TOO_LATE", in_flight);
    SCOPED_TRACE(::testing::PrintToString(scenario));
    EXPECT_EQ(response.code, StatusCode::kDeadlineExceeded);
    EXPECT_EQ(response.certainty, in_flight || scenario.Any(Effect::kUnknown)
                                      ? Certainty::kUnknown
                                      : Certainty::kNotPerformed);
    EXPECT_EQ(response.attempts, static_cast<int>(scenario.attempts.size()) + (in_flight ? 1 : 0));
    if (HasFailure()) return;
  }
}

TEST(DeletionInvariantsTest, IsDeterministic) {
  RandomSource one(7);
  RandomSource two(7);
  for (int i = 0; i < 1000; ++i) {
    const Scenario a = RunRandomScenario(one);
    const Scenario b = RunRandomScenario(two);
    ASSERT_EQ(a.attempts, b.attempts);
    ASSERT_EQ(a.response.code, b.response.code);
    ASSERT_EQ(a.response.certainty, b.response.certainty);
    ASSERT_EQ(a.response.retry_after, b.response.retry_after);
  }
}

}  // namespace
}  // namespace evalrun::deletion
