// Which requests a fault script's rules apply to.
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

FaultPlan PlanOf(const std::string& rules, int seed = 7) {
  return FaultPlan(
      ParseFaultScript(R"({"seed": )" + std::to_string(seed) + R"(, "rules": [)" + rules + "]}")
          .value());
}

RequestFacts DeleteOf(const std::string& run) {
  return {.method = "DELETE", .path = "/v2/eval-runs/" + run, .eval_run_uuid = run};
}

// For each of `count` requests to delete `run`, whether a rule applied.
std::vector<bool> Fates(FaultPlan& plan, const std::string& run, int count) {
  std::vector<bool> fates;
  for (int i = 0; i < count; ++i) fates.push_back(plan.Decide(DeleteOf(run)).has_value());
  return fates;
}

struct MatchCase {
  const char* name;
  const char* members;
  RequestFacts request;
  bool matches;

  friend void PrintTo(const MatchCase& c, std::ostream* out) { *out << c.members; }
};

class Matching : public testing::TestWithParam<MatchCase> {};

TEST_P(Matching, ByMethodPathAndRun) {
  const MatchCase& c = GetParam();
  FaultPlan plan = PlanOf(std::string(R"({"name": "n", "fault": "hold")") + c.members + "}");
  EXPECT_EQ(plan.Decide(c.request).has_value(), c.matches);
  EXPECT_EQ(plan.Report()["rules"][0]["matched"], c.matches ? 1 : 0);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Matching,
    testing::Values(
        MatchCase{"Anything", "", {"GET", "/health/", ""}, true},
        MatchCase{"Method", R"(, "method": "DELETE")", DeleteOf(kRun), true},
        MatchCase{"OtherMethod", R"(, "method": "GET")", DeleteOf(kRun), false},
        MatchCase{"Path", R"(, "path": "/health/")", {"GET", "/health/", ""}, true},
        MatchCase{"PathIsExact", R"(, "path": "/v2/eval-runs")", DeleteOf(kRun), false},
        MatchCase{"Prefix", R"(, "path": "/v2/eval-runs/*")", DeleteOf(kRun), true},
        MatchCase{"PrefixMayBeAll", R"(, "path": "/v2/*")", {"GET", "/v2/", ""}, true},
        MatchCase{"OtherPrefix", R"(, "path": "/health*")", DeleteOf(kRun), false},
        MatchCase{"Run", R"(, "eval_run_uuid": "score_run.ABCDEF00-0000-4000-8000-000000000001")",
                  DeleteOf(kRun), true},
        MatchCase{"OtherRun", R"(, "eval_run_uuid": "abcdef00-0000-4000-8000-000000000001")",
                  DeleteOf(kOtherRun), false},
        MatchCase{"NoRun",
                  R"(, "eval_run_uuid": "abcdef00-0000-4000-8000-000000000001")",
                  {"GET", "/v2/eval-runs", ""},
                  false},
        MatchCase{"AllOfThem",
                  R"(, "method": "DELETE", "path": "/v2/*",
                       "eval_run_uuid": "abcdef00-0000-4000-8000-000000000001")",
                  DeleteOf(kRun), true}),
    [](const auto& row) { return row.param.name; });

TEST(FaultPlan, SkipsThenAppliesSoManyTimes) {
  FaultPlan plan = PlanOf(R"({"name": "n", "fault": "hold", "skip": 2, "count": 1})");
  EXPECT_THAT(Fates(plan, kRun, 5), ElementsAre(false, false, true, false, false));
  EXPECT_EQ(plan.Report()["rules"][0]["matched"], 5);
  EXPECT_EQ(plan.Report()["rules"][0]["applied"], 1);
}

TEST(FaultPlan, ACountOfZeroAndAProbabilityOfZeroOnlyCountMatches) {
  FaultPlan plan = PlanOf(R"({"name": "a", "fault": "hold", "count": 0},
                             {"name": "b", "fault": "hold", "probability": 0})");
  EXPECT_THAT(Fates(plan, kRun, 2), ElementsAre(false, false));
  EXPECT_EQ(plan.Report()["rules"][0]["matched"], 2);
  EXPECT_EQ(plan.Report()["rules"][1]["matched"], 2);
}

TEST(FaultPlan, TheFirstRuleThatAppliesWinsAndTheRestAreNotAsked) {
  FaultPlan plan = PlanOf(R"({"name": "a", "fault": "hold", "count": 1},
                             {"name": "b", "fault": "garbage", "count": 1},
                             {"name": "c", "fault": "restart"})");
  EXPECT_EQ(plan.Decide(DeleteOf(kRun))->kind, FaultKind::kHold);
  EXPECT_EQ(plan.Decide(DeleteOf(kRun))->kind, FaultKind::kGarbage);
  EXPECT_EQ(plan.Decide(DeleteOf(kRun))->kind, FaultKind::kRestart);
  EXPECT_EQ(plan.Report()["rules"][0]["matched"], 3);
  EXPECT_EQ(plan.Report()["rules"][1]["matched"], 2);
  EXPECT_EQ(plan.Report()["rules"][2]["matched"], 1);
}

TEST(FaultPlan, UnreadRequestsMeetTheirOwnRulesAndNoOthers) {
  FaultPlan plan = PlanOf(R"({"name": "a", "fault": "hold"},
                             {"name": "b", "fault": "drop_before_reading", "skip": 1})");
  EXPECT_EQ(plan.DecideUnread(), std::nullopt);
  EXPECT_EQ(plan.Decide(DeleteOf(kRun))->kind, FaultKind::kHold);
  EXPECT_EQ(plan.DecideUnread()->kind, FaultKind::kDropBeforeReading);
  EXPECT_EQ(plan.Report()["rules"][0]["matched"], 1);
  EXPECT_EQ(plan.Report()["rules"][1]["matched"], 2);
}

constexpr char kHalf[] = R"({"name": "half", "fault": "hold", "probability": 0.5})";

TEST(Chance, IsTheSameForTheSameSeed) {
  FaultPlan first = PlanOf(kHalf);
  FaultPlan second = PlanOf(kHalf);
  EXPECT_EQ(Fates(first, kRun, 64), Fates(second, kRun, 64));
}

TEST(Chance, IsAnotherForAnotherSeedRunOrRule) {
  FaultPlan plan = PlanOf(kHalf);
  FaultPlan other_seed = PlanOf(kHalf, 8);
  FaultPlan other_name = PlanOf(R"({"name": "HALF", "fault": "hold", "probability": 0.5})");
  const std::vector<bool> fates = Fates(plan, kRun, 64);
  EXPECT_NE(fates, Fates(plan, kOtherRun, 64));
  EXPECT_NE(fates, Fates(other_seed, kRun, 64));
  EXPECT_NE(fates, Fates(other_name, kRun, 64));
}

TEST(Chance, OfARunDoesNotDependOnOtherRuns) {
  FaultPlan alone = PlanOf(kHalf);
  FaultPlan mixed = PlanOf(kHalf);
  const std::vector<bool> expected = Fates(alone, kRun, 32);
  std::vector<bool> fates;
  for (int i = 0; i < 32; ++i) {
    Fates(mixed, kOtherRun, i % 3);
    fates.push_back(Fates(mixed, kRun, 1)[0]);
  }
  EXPECT_EQ(fates, expected);
}

TEST(Chance, IsSpreadEvenlyOverRunsAndOverMatches) {
  constexpr int kDraws = 20'000;
  constexpr double kProbability = 0.1;
  const double deviation = std::sqrt(kDraws * kProbability * (1 - kProbability));
  int runs = 0;
  int matches = 0;
  for (int i = 0; i < kDraws; ++i) {
    const std::string run = "abcdef00-0000-4000-8000-" + std::to_string(100'000'000'000 + i);
    if (Chance(7, "n", run, 0) < kProbability) ++runs;
    if (Chance(7, "n", kRun, i) < kProbability) ++matches;
  }
  EXPECT_NEAR(runs, kDraws * kProbability, 5 * deviation);
  EXPECT_NEAR(matches, kDraws * kProbability, 5 * deviation);
}

TEST(Chance, HasNotTwoReadingsOfOneInput) {
  EXPECT_NE(Chance(1, "a", "bc", 0), Chance(1, "ab", "c", 0));
  EXPECT_NE(Chance(1, "1a", "", 0), Chance(11, "a", "", 0));
}

TEST(FaultPlan, GoesOnInTheNextProcessWhereItWas) {
  const std::string rules =
      std::string(kHalf) + R"(, {"name": "twice", "fault": "garbage", "skip": 1, "count": 2})";
  FaultPlan plan = PlanOf(rules);
  FaultPlan unbroken = PlanOf(rules);
  EXPECT_EQ(Fates(plan, kRun, 9), Fates(unbroken, kRun, 9));
  FaultPlan resumed = FaultPlan::Resume(plan.State());
  EXPECT_EQ(resumed.Report(), plan.Report());
  EXPECT_EQ(Fates(resumed, kRun, 32), Fates(unbroken, kRun, 32));
  EXPECT_EQ(resumed.Report(), unbroken.Report());
}

TEST(FaultPlan, ReportsTheScriptAsWrittenWithCounts) {
  FaultPlan plan = PlanOf(R"({"name": "n", "fault": "delay", "delay_ms": 5, "count": 1})");
  Fates(plan, kRun, 2);
  EXPECT_EQ(nlohmann::json(plan.Report()), nlohmann::json::parse(R"({"seed": 7, "rules": [
    {"name": "n", "fault": "delay", "delay_ms": 5, "count": 1, "matched": 2, "applied": 1}]})"));
}

TEST(FaultPlan, OneWithoutRulesDecidesNothing) {
  FaultPlan plan;
  EXPECT_EQ(plan.Decide(DeleteOf(kRun)), std::nullopt);
  EXPECT_EQ(plan.DecideUnread(), std::nullopt);
  EXPECT_EQ(nlohmann::json(plan.Report()), nlohmann::json::parse(R"({"seed": 0, "rules": []})"));
}

}  // namespace
}  // namespace evalrun::backend
