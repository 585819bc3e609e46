// SPDX-License-Identifier: Apache-2.0
//
// To which requests the rules of a fault script apply.
#include "rest_backend/server/faults/fault_plan.h"

#include <cmath>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace evalrun::backend {
namespace {

using testing::ElementsAre;

constexpr char kRun[] = "abcdef00-0000-4000-8000-000000000001";
constexpr char kOtherRun[] = "abcdef00-0000-4000-8000-000000000002";

FaultPlan MakePlan(const std::string& rules, int seed = 7) {
  return FaultPlan(
      ParseFaultScript(R"({"seed": )" + std::to_string(seed) + R"(, "rules": [)" + rules + "]}")
          .value());
}

RequestAttributes MakeDelete(const std::string& run) {
  return {.method = "DELETE", .path = "/v2/eval-runs/" + run, .eval_run_uuid = run};
}

// For each of `count` requests to delete `run`: whether a rule applied.
std::vector<bool> Decisions(FaultPlan& plan, const std::string& run, int count) {
  std::vector<bool> fates;
  for (int i = 0; i < count; ++i) fates.push_back(plan.Decide(MakeDelete(run)).has_value());
  return fates;
}

struct MatchCase {
  const char* name;
  const char* members;
  RequestAttributes request;
  bool matches;

  friend void PrintTo(const MatchCase& c, std::ostream* out) { *out << c.members; }
};

class Matching : public testing::TestWithParam<MatchCase> {};

TEST_P(Matching, ByMethodPathAndRun) {
  const MatchCase& c = GetParam();
  FaultPlan plan = MakePlan(std::string(R"({"name": "n", "fault": "hold")") + c.members + "}");
  EXPECT_EQ(plan.Decide(c.request).has_value(), c.matches);
  EXPECT_EQ(plan.StatusJson()["rules"][0]["matched"], c.matches ? 1 : 0);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Matching,
    testing::Values(
        MatchCase{"Anything", "", {"GET", "/health/", ""}, true},
        MatchCase{"Method", R"(, "method": "DELETE")", MakeDelete(kRun), true},
        MatchCase{"OtherMethod", R"(, "method": "GET")", MakeDelete(kRun), false},
        MatchCase{"Path", R"(, "path": "/health/")", {"GET", "/health/", ""}, true},
        MatchCase{"PathIsExact", R"(, "path": "/v2/eval-runs")", MakeDelete(kRun), false},
        MatchCase{"Prefix", R"(, "path": "/v2/eval-runs/*")", MakeDelete(kRun), true},
        MatchCase{"PrefixMayBeAll", R"(, "path": "/v2/*")", {"GET", "/v2/", ""}, true},
        MatchCase{"OtherPrefix", R"(, "path": "/health*")", MakeDelete(kRun), false},
        MatchCase{"Run", R"(, "eval_run_uuid": "score_run.ABCDEF00-0000-4000-8000-000000000001")",
                  MakeDelete(kRun), true},
        MatchCase{"OtherRun", R"(, "eval_run_uuid": "abcdef00-0000-4000-8000-000000000001")",
                  MakeDelete(kOtherRun), false},
        MatchCase{"NoRun",
                  R"(, "eval_run_uuid": "abcdef00-0000-4000-8000-000000000001")",
                  {"GET", "/v2/eval-runs", ""},
                  false},
        MatchCase{"AllOfThem",
                  R"(, "method": "DELETE", "path": "/v2/*",
                       "eval_run_uuid": "abcdef00-0000-4000-8000-000000000001")",
                  MakeDelete(kRun), true}),
    [](const auto& row) { return row.param.name; });

TEST(FaultPlan, AppliesCountTimesAfterSkip) {
  FaultPlan plan = MakePlan(R"({"name": "n", "fault": "hold", "skip": 2, "count": 1})");
  EXPECT_THAT(Decisions(plan, kRun, 5), ElementsAre(false, false, true, false, false));
  EXPECT_EQ(plan.StatusJson()["rules"][0]["matched"], 5);
  EXPECT_EQ(plan.StatusJson()["rules"][0]["applied"], 1);
}

TEST(FaultPlan, ZeroCountOrProbabilityOnlyCountsMatches) {
  FaultPlan plan = MakePlan(R"({"name": "a", "fault": "hold", "count": 0},
                             {"name": "b", "fault": "hold", "probability": 0})");
  EXPECT_THAT(Decisions(plan, kRun, 2), ElementsAre(false, false));
  EXPECT_EQ(plan.StatusJson()["rules"][0]["matched"], 2);
  EXPECT_EQ(plan.StatusJson()["rules"][1]["matched"], 2);
}

TEST(FaultPlan, FirstApplicableRuleWins) {
  FaultPlan plan = MakePlan(R"({"name": "a", "fault": "hold", "count": 1},
                             {"name": "b", "fault": "garbage", "count": 1},
                             {"name": "c", "fault": "restart"})");
  EXPECT_EQ(plan.Decide(MakeDelete(kRun))->kind, FaultKind::kHold);
  EXPECT_EQ(plan.Decide(MakeDelete(kRun))->kind, FaultKind::kGarbage);
  EXPECT_EQ(plan.Decide(MakeDelete(kRun))->kind, FaultKind::kRestart);
  EXPECT_EQ(plan.StatusJson()["rules"][0]["matched"], 3);
  EXPECT_EQ(plan.StatusJson()["rules"][1]["matched"], 2);
  EXPECT_EQ(plan.StatusJson()["rules"][2]["matched"], 1);
}

TEST(FaultPlan, UnreadRequestsUseOnlyUnreadRules) {
  FaultPlan plan = MakePlan(R"({"name": "a", "fault": "hold"},
                             {"name": "b", "fault": "drop_before_reading", "skip": 1})");
  EXPECT_EQ(plan.DecideBeforeReading(), std::nullopt);
  EXPECT_EQ(plan.Decide(MakeDelete(kRun))->kind, FaultKind::kHold);
  EXPECT_EQ(plan.DecideBeforeReading()->kind, FaultKind::kDropBeforeReading);
  EXPECT_EQ(plan.StatusJson()["rules"][0]["matched"], 1);
  EXPECT_EQ(plan.StatusJson()["rules"][1]["matched"], 2);
}

constexpr char kHalf[] = R"({"name": "half", "fault": "hold", "probability": 0.5})";

TEST(UniformHash, IsDeterministicPerSeed) {
  FaultPlan first = MakePlan(kHalf);
  FaultPlan second = MakePlan(kHalf);
  EXPECT_EQ(Decisions(first, kRun, 64), Decisions(second, kRun, 64));
}

TEST(UniformHash, DependsOnSeedRunAndRule) {
  FaultPlan plan = MakePlan(kHalf);
  FaultPlan other_seed = MakePlan(kHalf, 8);
  FaultPlan other_name = MakePlan(R"({"name": "HALF", "fault": "hold", "probability": 0.5})");
  const std::vector<bool> fates = Decisions(plan, kRun, 64);
  EXPECT_NE(fates, Decisions(plan, kOtherRun, 64));
  EXPECT_NE(fates, Decisions(other_seed, kRun, 64));
  EXPECT_NE(fates, Decisions(other_name, kRun, 64));
}

TEST(UniformHash, IsIndependentOfOtherRuns) {
  FaultPlan alone = MakePlan(kHalf);
  FaultPlan mixed = MakePlan(kHalf);
  const std::vector<bool> expected = Decisions(alone, kRun, 32);
  std::vector<bool> fates;
  for (int i = 0; i < 32; ++i) {
    Decisions(mixed, kOtherRun, i % 3);
    fates.push_back(Decisions(mixed, kRun, 1)[0]);
  }
  EXPECT_EQ(fates, expected);
}

TEST(UniformHash, IsUniformOverRunsAndMatches) {
  constexpr int kDraws = 20'000;
  constexpr double kProbability = 0.1;
  const double deviation = std::sqrt(kDraws * kProbability * (1 - kProbability));
  int runs = 0;
  int matches = 0;
  for (int i = 0; i < kDraws; ++i) {
    const std::string run = "abcdef00-0000-4000-8000-" + std::to_string(100'000'000'000 + i);
    if (UniformHash(7, "n", run, 0) < kProbability) ++runs;
    if (UniformHash(7, "n", kRun, i) < kProbability) ++matches;
  }
  EXPECT_NEAR(runs, kDraws * kProbability, 5 * deviation);
  EXPECT_NEAR(matches, kDraws * kProbability, 5 * deviation);
}

TEST(UniformHash, InputsAreUnambiguous) {
  EXPECT_NE(UniformHash(1, "a", "bc", 0), UniformHash(1, "ab", "c", 0));
  EXPECT_NE(UniformHash(1, "1a", "", 0), UniformHash(11, "a", "", 0));
}

TEST(FaultPlan, ResumesAfterRestart) {
  const std::string rules =
      std::string(kHalf) + R"(, {"name": "twice", "fault": "garbage", "skip": 1, "count": 2})";
  FaultPlan plan = MakePlan(rules);
  FaultPlan unbroken = MakePlan(rules);
  EXPECT_EQ(Decisions(plan, kRun, 9), Decisions(unbroken, kRun, 9));
  FaultPlan resumed = FaultPlan::Resume(plan.State());
  EXPECT_EQ(resumed.StatusJson(), plan.StatusJson());
  EXPECT_EQ(Decisions(resumed, kRun, 32), Decisions(unbroken, kRun, 32));
  EXPECT_EQ(resumed.StatusJson(), unbroken.StatusJson());
}

TEST(FaultPlan, KnowsWhatIsMissing) {
  FaultPlan plan(ParseFaultScript(R"({"rules": [], "missing": [
    "abcdef00-0000-4000-8000-000000000001"]})")
                     .value());
  EXPECT_TRUE(plan.IsMissing(kRun));
  EXPECT_FALSE(plan.IsMissing(kOtherRun));
  const FaultPlan resumed = FaultPlan::Resume(plan.State());
  EXPECT_TRUE(resumed.IsMissing(kRun));
  EXPECT_EQ(resumed.StatusJson(), plan.StatusJson());
  EXPECT_THAT(plan.StatusJson()["missing"], ElementsAre(kRun));
  EXPECT_FALSE(FaultPlan().IsMissing(kRun));
}

TEST(FaultPlan, ReportsTheScriptAsWrittenWithCounts) {
  FaultPlan plan = MakePlan(R"({"name": "n", "fault": "delay", "delay_ms": 5, "count": 1})");
  Decisions(plan, kRun, 2);
  EXPECT_EQ(nlohmann::json(plan.StatusJson()), nlohmann::json::parse(R"({"seed": 7, "rules": [
    {"name": "n", "fault": "delay", "delay_ms": 5, "count": 1, "matched": 2, "applied": 1}]})"));
}

TEST(FaultPlan, EmptyPlanDecidesNothing) {
  FaultPlan plan;
  EXPECT_EQ(plan.Decide(MakeDelete(kRun)), std::nullopt);
  EXPECT_EQ(plan.DecideBeforeReading(), std::nullopt);
  EXPECT_EQ(nlohmann::json(plan.StatusJson()),
            nlohmann::json::parse(R"({"seed": 0, "rules": []})"));
}

}  // namespace
}  // namespace evalrun::backend
