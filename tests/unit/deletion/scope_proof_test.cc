// SPDX-License-Identifier: Apache-2.0
//
// Which responses to a probe prove a scope, and what the table of scopes remembers, for how long.
#include "rest_backend/deletion/scope_proof.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/deletion/printers.h"

namespace evalrun::deletion {
namespace {

using namespace std::chrono_literals;
using Action = ScopeTable::Action;
using Scope = ScopeTable::Scope;

constexpr ProbeClassification kProven = {.status = ScopeStatus::kProven};
constexpr ProbeClassification kMissing = {.status = ScopeStatus::kMissing};
constexpr ProbeClassification kUnverifiable = {.status = ScopeStatus::kUnverifiable};
constexpr ProbeClassification kForbidden = {.status = ScopeStatus::kUnverifiable,
                                            .is_forbidden = true};

struct ProbeCase {
  const char* name;
  int http_status;
  std::string body;
  ProbeClassification expected;
  bool complete = true;
};

void PrintTo(const ProbeCase& row, std::ostream* os) { *os << row.http_status << ' ' << row.body; }

class ClassifyProbeTest : public ::testing::TestWithParam<ProbeCase> {};

AttemptResult MakeResponse(int status, std::string_view body, bool complete = true) {
  AttemptResult result;
  result.may_have_been_sent = true;
  result.http_status = status;
  result.body = {.bytes = body, .content_type = "application/json", .complete = complete};
  return result;
}

TEST_P(ClassifyProbeTest, MatchesTable) {
  const ProbeCase& row = GetParam();
  const ProbeClassification actual =
      ClassifyProbe(MakeResponse(row.http_status, row.body, row.complete));
  EXPECT_EQ(actual.status, row.expected.status);
  EXPECT_EQ(actual.is_forbidden, row.expected.is_forbidden);
}

std::string Name(const ::testing::TestParamInfo<ProbeCase>& param) { return param.param.name; }

const std::string kList = R"({"items": [{"eval_run_uuid": "u", "responses": [{"items": 1}]}],
                              "count": 17})";
const std::string kNotFound = R"({"error": {"code": "resource.not_found", "message": "m"}})";
const std::string kDenied = R"({"error": {"code": "auth.insufficient_permissions"}})";
const std::string kHtml = "<html><body>Sign in</body></html>";

INSTANTIATE_TEST_SUITE_P(
    Lists, ClassifyProbeTest,
    ::testing::Values(
        ProbeCase{"List", 200, kList, kProven},
        ProbeCase{"EmptyList", 200, R"({"items": [], "count": 0})", kProven},
        ProbeCase{"MembersInAnyOrder", 200, R"({"count": 0, "next": null, "items": []})", kProven},
        ProbeCase{"CutInsideTheItem", 200, R"({"items": [{"eval_run_uuid": "u", "respo)", kProven,
                  false},
        ProbeCase{"CutInsideACharacter", 200, "{\"items\": [{\"name\": \"f\xC3", kProven, false},
        ProbeCase{"CutAfterTheList", 200, kList, kProven, false},
        ProbeCase{"CutBeforeTheItem", 200, R"({"items": [)", kUnverifiable, false},
        ProbeCase{"CutInsideANestedArray", 200, R"({"items": [[{"a": 1)", kUnverifiable, false},
        ProbeCase{"CutInsideAnotherMember", 200, R"({"data": [{"items": [{"a": 1)", kUnverifiable,
                  false},
        ProbeCase{"CutPage", 200, "<html>{\"items\": [{", kUnverifiable, false},
        ProbeCase{"CutInNoKnownPlaceAndBroken", 200, R"({"items": [{"a": ?????)", kUnverifiable,
                  false},
        ProbeCase{"BrokenAlthoughComplete", 200, R"({"items": [{"eval_run_uuid": "u")",
                  kUnverifiable},
        ProbeCase{"NoCount", 200, R"({"items": []})", kUnverifiable},
        ProbeCase{"NoItems", 200, R"({"count": 0})", kUnverifiable},
        ProbeCase{"ItemsNoArray", 200, R"({"items": {}, "count": 0})", kUnverifiable},
        ProbeCase{"ItemsInAnObject", 200, R"({"items": {"a": []}, "count": 0})", kUnverifiable},
        ProbeCase{"CountInAnArray", 200, R"({"items": [], "count": [0]})", kUnverifiable},
        ProbeCase{"CountText", 200, R"({"items": [], "count": "0"})", kUnverifiable},
        ProbeCase{"CountNegative", 200, R"({"items": [], "count": -1})", kUnverifiable},
        ProbeCase{"CountOfAnItem", 200, R"({"items": [{"count": 1}]})", kUnverifiable},
        ProbeCase{"ListInAnArray", 200, R"([{"items": [], "count": 0}])", kUnverifiable},
        ProbeCase{"ListInAnObject", 200, R"({"data": {"items": [], "count": 0}})", kUnverifiable},
        ProbeCase{"NulAndMore", 200, kList + std::string("\0<html>", 7), kUnverifiable},
        ProbeCase{"Object", 200, "{}", kUnverifiable},
        ProbeCase{"Error", 200, kNotFound, kUnverifiable},
        ProbeCase{"Page", 200, kHtml, kUnverifiable}, ProbeCase{"Empty", 200, "", kUnverifiable}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Others, ClassifyProbeTest,
    ::testing::Values(ProbeCase{"ListWith206", 206, kList, kUnverifiable},
                      ProbeCase{"ListWith500", 500, kList, kUnverifiable},
                      ProbeCase{"NoContent", 204, "", kUnverifiable},
                      ProbeCase{"Redirect", 302, kList, kUnverifiable},
                      ProbeCase{"NotFound", 404, kNotFound, kMissing},
                      ProbeCase{"Gone", 410, kNotFound, kMissing},
                      ProbeCase{"NotFoundPage", 404, kHtml, kUnverifiable},
                      ProbeCase{"NotFoundOfTheFramework", 404, R"({"detail": "Not Found"})",
                                kUnverifiable},
                      ProbeCase{"NotFoundCut", 404, kNotFound, kUnverifiable, false},
                      ProbeCase{"Unauthenticated", 401, kDenied, kForbidden},
                      ProbeCase{"Forbidden", 403, kDenied, kForbidden},
                      ProbeCase{"ForbiddenByAProxy", 403, kHtml, kForbidden},
                      ProbeCase{"TooManyRequests", 429, kNotFound, kUnverifiable},
                      ProbeCase{"Busy", 503, kNotFound, kUnverifiable},
                      ProbeCase{"NoStatus", 0, kList, kUnverifiable}),
    Name);

TEST(ClassifyProbeTest, FaultProvesNothing) {
  for (Fault fault :
       {Fault::kResolve, Fault::kConnect, Fault::kTls, Fault::kTimeout, Fault::kConnectionLost,
        Fault::kProtocol, Fault::kTooLarge, Fault::kInternal, Fault::kProxyRefused}) {
    AttemptResult result = MakeResponse(200, kList);
    result.fault = fault;
    EXPECT_EQ(ClassifyProbe(result), kUnverifiable);
    result.http_status = 404;
    result.body.bytes = kNotFound;
    EXPECT_EQ(ClassifyProbe(result), kUnverifiable);
  }
}

class ScopeTableTest : public ::testing::Test {
 protected:
  static constexpr ScopeTableOptions kOptions = {
      .max_scopes = 3, .proven_ttl = 60s, .missing_ttl = 5s, .unverifiable_ttl = 2s};
  static constexpr Scope kScope = {.api_key = "default", .workspace = "w"};

  // What Check() says, when it knows the status.
  void ExpectStatus(const Scope& scope, ScopeStatus expected) {
    const ScopeTable::Decision decision = table_.Check(scope, now_);
    EXPECT_EQ(decision.action, Action::kUseStatus);
    EXPECT_EQ(decision.status, expected);
  }
  void ExpectAction(const Scope& scope, Action expected) {
    EXPECT_EQ(table_.Check(scope, now_).action, expected);
  }
  void Probe(const Scope& scope, ScopeStatus status) {
    ExpectAction(scope, Action::kBeginProbe);
    EXPECT_EQ(table_.OnProbeFinished(scope, status, now_), status);
  }

  ScopeTable table_{kOptions};
  ScopeTable::TimePoint now_{1h};
};

TEST_F(ScopeTableTest, ProbesUnknownScopeOnceAtATime) {
  ExpectAction(kScope, Action::kBeginProbe);
  ExpectAction(kScope, Action::kAwaitProbe);
  ExpectAction(kScope, Action::kAwaitProbe);
  EXPECT_EQ(table_.OnProbeFinished(kScope, ScopeStatus::kProven, now_), ScopeStatus::kProven);
  ExpectStatus(kScope, ScopeStatus::kProven);
}

TEST_F(ScopeTableTest, EachResultIsValidForItsOwnTime) {
  for (const auto& [status, ttl] :
       {std::pair(ScopeStatus::kProven, 60s), std::pair(ScopeStatus::kMissing, 5s),
        std::pair(ScopeStatus::kUnverifiable, 2s)}) {
    Probe(kScope, status);
    ExpectStatus(kScope, status);
    now_ += ttl - 1ns;
    ExpectStatus(kScope, status);
    now_ += 1ns;
  }
  ExpectAction(kScope, Action::kBeginProbe);
}

TEST_F(ScopeTableTest, DeletionProvesItsScope) {
  table_.OnDeleted(kScope, now_);
  now_ += 60s - 1ns;
  ExpectStatus(kScope, ScopeStatus::kProven);
  table_.OnDeleted(kScope, now_);
  now_ += 60s - 1ns;
  ExpectStatus(kScope, ScopeStatus::kProven);
  now_ += 1ns;
  ExpectAction(kScope, Action::kBeginProbe);
}

TEST_F(ScopeTableTest, ScopeIsApiKeyAndWorkspace) {
  table_.OnDeleted(kScope, now_);
  ExpectAction({.api_key = "default", .workspace = ""}, Action::kBeginProbe);
  ExpectAction({.api_key = "other", .workspace = "w"}, Action::kBeginProbe);
  ExpectStatus(kScope, ScopeStatus::kProven);
}

TEST_F(ScopeTableTest, PartsOfAScopeAreNotMixedUp) {
  table_.OnDeleted({.api_key = "ab", .workspace = "c"}, now_);
  ExpectAction({.api_key = "a", .workspace = "bc"}, Action::kBeginProbe);
}

TEST_F(ScopeTableTest, DeletionReplacesNegativeResult) {
  Probe(kScope, ScopeStatus::kMissing);
  table_.OnDeleted(kScope, now_);
  ExpectStatus(kScope, ScopeStatus::kProven);
}

TEST_F(ScopeTableTest, DeletionDuringAProbeIsUsedAtOnce) {
  ExpectAction(kScope, Action::kBeginProbe);
  table_.OnDeleted(kScope, now_);
  ExpectStatus(kScope, ScopeStatus::kProven);
}

TEST_F(ScopeTableTest, UnverifiableProbeDoesNotReplaceProof) {
  ExpectAction(kScope, Action::kBeginProbe);
  table_.OnDeleted(kScope, now_);
  EXPECT_EQ(table_.OnProbeFinished(kScope, ScopeStatus::kUnverifiable, now_), ScopeStatus::kProven);
  ExpectStatus(kScope, ScopeStatus::kProven);
}

TEST_F(ScopeTableTest, UnverifiableProbeReplacesExpiredProof) {
  table_.OnDeleted(kScope, now_);
  now_ += 60s;
  Probe(kScope, ScopeStatus::kUnverifiable);
  ExpectStatus(kScope, ScopeStatus::kUnverifiable);
}

TEST_F(ScopeTableTest, MissingReplacesProof) {
  ExpectAction(kScope, Action::kBeginProbe);
  table_.OnDeleted(kScope, now_);
  EXPECT_EQ(table_.OnProbeFinished(kScope, ScopeStatus::kMissing, now_), ScopeStatus::kMissing);
  ExpectStatus(kScope, ScopeStatus::kMissing);
}

TEST_F(ScopeTableTest, CodeThatNamesTheScopeReplacesProof) {
  table_.OnDeleted(kScope, now_);
  table_.OnMissing(kScope, now_);
  now_ += 5s - 1ns;
  ExpectStatus(kScope, ScopeStatus::kMissing);
  now_ += 1ns;
  ExpectAction(kScope, Action::kBeginProbe);
}

TEST_F(ScopeTableTest, DeletionReplacesACodeThatNamesTheScope) {
  table_.OnMissing(kScope, now_);
  table_.OnDeleted(kScope, now_);
  ExpectStatus(kScope, ScopeStatus::kProven);
}

// Which of the two the API said later is not known.
TEST_F(ScopeTableTest, ProbeDoesNotReplaceACodeThatNamedTheScopeMeanwhile) {
  for (const ScopeStatus probed :
       {ScopeStatus::kProven, ScopeStatus::kMissing, ScopeStatus::kUnverifiable}) {
    ExpectAction(kScope, Action::kBeginProbe);
    table_.OnMissing(kScope, now_);
    EXPECT_EQ(table_.OnProbeFinished(kScope, probed, now_), ScopeStatus::kMissing);
    ExpectStatus(kScope, ScopeStatus::kMissing);
    now_ += 5s;
  }
}

TEST_F(ScopeTableTest, CancelledProbeChangesNothing) {
  ExpectAction(kScope, Action::kBeginProbe);
  table_.OnProbeCancelled(kScope);
  ExpectAction(kScope, Action::kBeginProbe);
  table_.OnDeleted(kScope, now_);
  table_.OnProbeCancelled(kScope);
  ExpectStatus(kScope, ScopeStatus::kProven);
}

TEST_F(ScopeTableTest, ProofExpiringDuringAProbeAwaitsIt) {
  ExpectAction(kScope, Action::kBeginProbe);
  table_.OnDeleted(kScope, now_);
  now_ += 60s;
  ExpectAction(kScope, Action::kAwaitProbe);
}

Scope Workspace(const std::string& name) { return {.api_key = "default", .workspace = name}; }

TEST_F(ScopeTableTest, EvictsTheLeastRecentlyUpdated) {
  for (const char* name : {"a", "b", "c"}) table_.OnDeleted(Workspace(name), now_);
  table_.OnDeleted(Workspace("a"), now_);
  table_.OnDeleted(Workspace("d"), now_);
  EXPECT_EQ(table_.size(), 3U);
  for (const char* name : {"a", "c", "d"}) ExpectStatus(Workspace(name), ScopeStatus::kProven);
  ExpectAction(Workspace("b"), Action::kBeginProbe);
}

TEST_F(ScopeTableTest, NeverEvictsAScopeUnderProbe) {
  for (const char* name : {"a", "b", "c"}) ExpectAction(Workspace(name), Action::kBeginProbe);
  ExpectStatus(Workspace("d"), ScopeStatus::kUnverifiable);
  table_.OnDeleted(Workspace("d"), now_);
  ExpectStatus(Workspace("d"), ScopeStatus::kUnverifiable);
  for (const char* name : {"a", "b", "c"}) ExpectAction(Workspace(name), Action::kAwaitProbe);

  table_.OnProbeFinished(Workspace("b"), ScopeStatus::kProven, now_);
  Probe(Workspace("d"), ScopeStatus::kMissing);
  ExpectAction(Workspace("a"), Action::kAwaitProbe);
  EXPECT_EQ(table_.size(), 3U);
}

TEST_F(ScopeTableTest, IsBounded) {
  for (int i = 0; i < 1000; ++i) {
    table_.OnDeleted(Workspace("o" + std::to_string(i)), now_);
    Probe(Workspace("p" + std::to_string(i)), ScopeStatus::kMissing);
    ASSERT_LE(table_.size(), 3U);
  }
}

TEST(ScopeTableTtlTest, ZeroDisablesCaching) {
  ScopeTable table({.proven_ttl = 0s, .missing_ttl = 0s, .unverifiable_ttl = 0s});
  const ScopeTable::TimePoint now{1h};
  const Scope scope = {.api_key = "default", .workspace = "w"};
  table.OnDeleted(scope, now);
  EXPECT_EQ(table.Check(scope, now).action, Action::kBeginProbe);
  EXPECT_EQ(table.OnProbeFinished(scope, ScopeStatus::kProven, now), ScopeStatus::kProven);
  EXPECT_EQ(table.Check(scope, now).action, Action::kBeginProbe);
}

}  // namespace
}  // namespace evalrun::deletion
