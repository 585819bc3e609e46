// SPDX-License-Identifier: Apache-2.0
//
// Which fault scripts are accepted, and the error messages for others.
#include "rest_backend/server/faults/fault_script.h"

#include <chrono>
#include <ostream>
#include <string>

#include <gmock/gmock.h>

namespace evalrun::backend {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

FaultRule OnlyRule(const std::string& rule) {
  const auto script = ParseFaultScript(R"({"rules": [)" + rule + "]}");
  if (!script.ok() || script->rules.size() != 1) {
    ADD_FAILURE() << script.status();
    return {};
  }
  return script->rules[0];
}

TEST(FaultScript, EmptyScriptHasDefaults) {
  const auto script = ParseFaultScript(R"({"rules": []})");
  ASSERT_TRUE(script.ok()) << script.status();
  EXPECT_EQ(script->seed, 0);
  EXPECT_THAT(script->missing, IsEmpty());
  EXPECT_THAT(script->rules, IsEmpty());
}

TEST(FaultScript, MinimalRuleMatchesEverything) {
  const FaultRule rule = OnlyRule(R"({"name": "n", "fault": "hold"})");
  EXPECT_EQ(rule.name, "n");
  EXPECT_EQ(rule.method + rule.path + rule.eval_run_uuid, "");
  EXPECT_EQ(rule.skip, 0);
  EXPECT_EQ(rule.count, std::nullopt);
  EXPECT_EQ(rule.probability, 1);
  EXPECT_EQ(rule.fault.kind, FaultKind::kHold);
  EXPECT_FALSE(rule.fault.commit);
}

TEST(FaultScript, ParsesEveryMember) {
  const auto script = ParseFaultScript(R"({"seed": 9223372036854775807, "rules": [
    {"name": "n", "method": "DELETE", "path": "/v2/eval-runs/*",
     "eval_run_uuid": "score_run.ABCDEF00-0000-4000-8000-000000000001",
     "skip": 2, "count": 3, "probability": 0.25, "fault": "respond", "status": 502,
     "headers": {"Retry-After": "1"}, "body": "b", "commit": true}]})");
  ASSERT_TRUE(script.ok()) << script.status();
  EXPECT_EQ(script->seed, INT64_MAX);
  ASSERT_EQ(script->rules.size(), 1U);
  const FaultRule& rule = script->rules[0];
  EXPECT_EQ(rule.method, "DELETE");
  EXPECT_EQ(rule.path, "/v2/eval-runs/");
  EXPECT_TRUE(rule.path_is_prefix);
  EXPECT_EQ(rule.eval_run_uuid, "abcdef00-0000-4000-8000-000000000001");
  EXPECT_EQ(rule.skip, 2);
  EXPECT_EQ(rule.count, 3);
  EXPECT_EQ(rule.probability, 0.25);
  EXPECT_TRUE(rule.fault.commit);
  EXPECT_EQ(rule.fault.response.status, 502);
  EXPECT_THAT(rule.fault.response.headers, ElementsAre(Pair("Retry-After", "1")));
  EXPECT_EQ(rule.fault.response.body, "b");
}

TEST(FaultScript, MissingIdsAreCanonical) {
  const auto script = ParseFaultScript(R"({"rules": [], "missing": [
    "workspace.ABCDEF00-0000-4000-8000-000000000001", "abcdef00-0000-4000-8000-000000000002",
    "ABCDEF00-0000-4000-8000-000000000002"]})");
  ASSERT_TRUE(script.ok()) << script.status();
  EXPECT_THAT(script->missing, ElementsAre("abcdef00-0000-4000-8000-000000000001",
                                           "abcdef00-0000-4000-8000-000000000002"));
}

struct KindCase {
  const char* name;
  const char* members;
  FaultKind kind;
  bool commit;
  bool reset = false;
  std::chrono::milliseconds delay{0};
  std::size_t bytes = 0;

  friend void PrintTo(const KindCase& c, std::ostream* out) { *out << c.members; }
};

class FaultKinds : public testing::TestWithParam<KindCase> {};

TEST_P(FaultKinds, ParsesEachKind) {
  const KindCase& c = GetParam();
  const Fault fault = OnlyRule(std::string(R"({"name": "n", )") + c.members + "}").fault;
  EXPECT_EQ(fault.kind, c.kind);
  EXPECT_EQ(fault.commit, c.commit);
  EXPECT_EQ(fault.reset, c.reset);
  EXPECT_EQ(fault.delay, c.delay);
  EXPECT_EQ(fault.bytes, c.bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Table, FaultKinds,
    testing::Values(
        KindCase{"Respond", R"("fault": "respond", "status": 204)", FaultKind::kRespond, false},
        KindCase{"Delay", R"("fault": "delay", "delay_ms": 20, "commit": true)", FaultKind::kDelay,
                 true, false, std::chrono::milliseconds(20)},
        KindCase{"DropBeforeReading", R"("fault": "drop_before_reading", "reset": true)",
                 FaultKind::kDropBeforeReading, false, true},
        KindCase{"DropAfterReading", R"("fault": "drop_after_reading")",
                 FaultKind::kDropAfterReading, false},
        KindCase{"DropAfterCommit", R"("fault": "drop_after_commit", "reset": true)",
                 FaultKind::kDropAfterCommit, true, true},
        KindCase{"DropMidResponse", R"("fault": "drop_mid_response")", FaultKind::kDropMidResponse,
                 true, false, std::chrono::milliseconds(0), 10},
        KindCase{"DropMidResponseAt", R"("fault": "drop_mid_response", "bytes": 40)",
                 FaultKind::kDropMidResponse, true, false, std::chrono::milliseconds(0), 40},
        KindCase{"Garbage", R"("fault": "garbage", "commit": true)", FaultKind::kGarbage, true},
        KindCase{"Restart", R"("fault": "restart", "commit": false)", FaultKind::kRestart, false}),
    [](const auto& row) { return row.param.name; });

struct BadScript {
  const char* name;
  const char* text;
  const char* sentence;  // part of the error message

  friend void PrintTo(const BadScript& c, std::ostream* out) { *out << c.text; }
};

class BadScripts : public testing::TestWithParam<BadScript> {};

TEST_P(BadScripts, ReportsTheInvalidMember) {
  const auto script = ParseFaultScript(GetParam().text);
  EXPECT_EQ(script.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(script.status().message()), HasSubstr(GetParam().sentence));
}

// A script whose only rule has these members in addition to its name.
#define RULE(members) R"({"rules": [{"name": "n", )" members "}]}"

INSTANTIATE_TEST_SUITE_P(
    Table, BadScripts,
    testing::Values(
        BadScript{"NoJson", "{", "must be JSON"}, BadScript{"Empty", "", "must be JSON"},
        BadScript{"NoObject", "[]", "must be a JSON object"},
        BadScript{"NoRules", R"({"seed": 1})", "`rules`"},
        BadScript{"RulesNoArray", R"({"rules": {}})", "`rules` must be an array"},
        BadScript{"UnknownMember", R"({"rules": [], "sead": 1})", "`sead`"},
        BadScript{"SeedNegative", R"({"rules": [], "seed": -1})", "`seed`"},
        BadScript{"SeedFraction", R"({"rules": [], "seed": 1.5})", "`seed`"},
        BadScript{"SeedTooLarge", R"({"rules": [], "seed": 9223372036854775808})", "`seed`"},
        BadScript{"MissingNoArray", R"({"rules": [], "missing": "x"})",
                  "`missing` must be an array"},
        BadScript{"MissingNoId", R"({"rules": [], "missing": ["x"]})",
                  "`missing[0]` must be a UUID"},
        BadScript{"MissingNoString", R"({"rules": [], "missing": [1]})", "`missing[0]`"},
        BadScript{"RuleNoObject", R"({"rules": [1]})", "`rules[0]` must be a JSON object"},
        BadScript{"NoName", R"({"rules": [{"fault": "hold"}]})", "`rules[0].name`"},
        BadScript{"SameName",
                  R"({"rules": [{"name": "n", "fault": "hold"}, {"name": "n", "fault": "hold"}]})",
                  "`rules[1].name`"},
        BadScript{"NoFault", R"({"rules": [{"name": "n"}]})", "`rules[0].fault`"},
        BadScript{"UnknownFault", RULE(R"("fault": "explode")"), "`drop_mid_response`"},
        BadScript{"UnknownMemberOfARule", RULE(R"("fault": "hold", "nope": 1)"), "`rules[0].nope`"},
        BadScript{"PathWithoutSlash", RULE(R"("fault": "hold", "path": "v2")"), "`rules[0].path`"},
        BadScript{"PathWithAStarInside", RULE(R"("fault": "hold", "path": "/a*b")"),
                  "`rules[0].path`"},
        BadScript{"PathNoString", RULE(R"("fault": "hold", "path": 1)"), "`rules[0].path`"},
        BadScript{"MalformedId", RULE(R"("fault": "hold", "eval_run_uuid": "x")"),
                  "`rules[0].eval_run_uuid`"},
        BadScript{"SkipNegative", RULE(R"("fault": "hold", "skip": -1)"), "`rules[0].skip`"},
        BadScript{"CountNegative", RULE(R"("fault": "hold", "count": -1)"), "`rules[0].count`"},
        BadScript{"CountText", RULE(R"("fault": "hold", "count": "1")"), "`rules[0].count`"},
        BadScript{"ProbabilityAboveOne", RULE(R"("fault": "hold", "probability": 1.01)"),
                  "`rules[0].probability` must be a number from 0.0 to 1.0"},
        BadScript{"ProbabilityNegative", RULE(R"("fault": "hold", "probability": -0.1)"),
                  "`rules[0].probability`"},
        BadScript{"CommitText", RULE(R"("fault": "hold", "commit": "yes")"), "`rules[0].commit`"},
        BadScript{"RespondWithoutStatus", RULE(R"("fault": "respond")"),
                  "`rules[0].status` must be given"},
        BadScript{"StatusOfTwoDigits", RULE(R"("fault": "respond", "status": 99)"),
                  "`rules[0].status`"},
        BadScript{"HeadersNoObject", RULE(R"("fault": "respond", "status": 200, "headers": [])"),
                  "`rules[0].headers` must be an object"},
        BadScript{"HeaderOfTwoLines",
                  RULE(R"("fault": "respond", "status": 200, "headers": {"a": "b\r\nc: d"})"),
                  "`rules[0].headers.a`"},
        BadScript{"HeaderNumber",
                  RULE(R"("fault": "respond", "status": 200, "headers": {"Retry-After": 1})"),
                  "`rules[0].headers.Retry-After`"},
        BadScript{"DelayWithoutTime", RULE(R"("fault": "delay")"), "`rules[0].delay_ms`"},
        BadScript{"DelayNegative", RULE(R"("fault": "delay", "delay_ms": -1)"),
                  "`rules[0].delay_ms`"},
        BadScript{"StatusOfADelay", RULE(R"("fault": "delay", "delay_ms": 1, "status": 200)"),
                  "`rules[0].status`"},
        BadScript{"CommitOfADropAfterReading",
                  RULE(R"("fault": "drop_after_reading", "commit": true)"), "`rules[0].commit`"},
        BadScript{"CommitOfADropAfterCommit",
                  RULE(R"("fault": "drop_after_commit", "commit": false)"), "`rules[0].commit`"},
        BadScript{"MatchOfAnUnreadRequest",
                  RULE(R"("fault": "drop_before_reading", "method": "DELETE")"),
                  "`rules[0].method`"},
        BadScript{"NoBytes", RULE(R"("fault": "drop_mid_response", "bytes": 0)"),
                  "`rules[0].bytes`"}),
    [](const auto& row) { return row.param.name; });

#undef RULE

TEST(FaultScript, ReportsMissingFile) {
  EXPECT_THAT(std::string(ReadFaultScript("/nonexistent.json").status().message()),
              HasSubstr("/nonexistent.json"));
}

}  // namespace
}  // namespace evalrun::backend
