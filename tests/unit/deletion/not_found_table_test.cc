// SPDX-License-Identifier: Apache-2.0
//
// Every situation in which a 404 or 410 ends a deletion, with its exact response: from the bytes of
// the response and of the probe to the code, the certainty and the reason.
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rest_backend/deletion/scope_proof.h"
#include "tests/unit/deletion/deletion_testing.h"

namespace evalrun::deletion {
namespace {

using namespace std::chrono_literals;
using absl::StatusCode;

const std::string kNotFound =
    R"({"error": {"code": "resource.not_found", "message": "m", "details": {}}, "request_id": ""})";
const std::string kOlderNotFound =
    R"({"error": {"code": "resource.not_found", "message": "m", "request_id": "r"}})";
const std::string kRunNotFound =
    R"({"error": {"code": "resource.score_run_not_found", "message": "m"}, "request_id": ""})";
const std::string kWorkspaceNotFound =
    R"({"error": {"code": "resource.workspace_not_found", "message": "m"}, "request_id": ""})";
const std::string kOrganizationNotFound =
    R"({"error": {"code": "resource.organization_not_found", "message": "m"}, "request_id": ""})";
const std::string kFramework = R"({"detail": "Not Found"})";
const std::string kHtml = "<html><h1>404 Not Found</h1></html>";
const std::string kList = R"({"items": [], "count": 0})";
const std::string kDenied = R"({"error": {"code": "auth.insufficient_permissions"}})";

// How the call learns about the scope of the 404.
enum class Evidence {
  kNotAsked,      // no proof is needed
  kProbe,         // by a probe
  kEarlierProbe,  // by the result of an earlier call's probe, which is still valid
  kDeletion,      // by a recent deletion in the same scope
  kEarlierCode,   // by an earlier 404 whose code named the workspace, after a deletion in it
  kOutOfTime,     // not at all: the response is due first
};

struct Expected {
  StatusCode code;
  Certainty certainty;
  const char* reason;
};

// What the caller is told, without and with `allow_missing`.
struct Responses {
  Expected plain;
  Expected allow_missing;
};

constexpr Responses Always(Expected expected) { return {expected, expected}; }

constexpr Responses kAbsent = {{StatusCode::kNotFound, Certainty::kAbsent, "UPSTREAM_NOT_FOUND"},
                               {StatusCode::kOk, Certainty::kAbsent, ""}};
constexpr Responses kPresumed = Always({StatusCode::kOk, Certainty::kPresumed, ""});

// An error without evidence of absence: certain only while nothing may have deleted the run.
struct Outcomes {
  Responses first;            // nothing before it may have deleted the run
  Responses after_ambiguity;  // an attempt before it, this call's or the caller's, may have
};

constexpr Outcomes kProven = {kAbsent, kPresumed};

constexpr Outcomes NoEvidence(StatusCode code, const char* reason) {
  return {Always({code, Certainty::kNotPerformed, reason}),
          Always({code, Certainty::kUnknown, reason})};
}
constexpr Outcomes kScopeMissing = NoEvidence(StatusCode::kFailedPrecondition, "SCOPE_NOT_FOUND");
constexpr Outcomes kUnverified = NoEvidence(StatusCode::kUnavailable, "ABSENCE_UNVERIFIED");
constexpr Outcomes kUnrecognized =
    NoEvidence(StatusCode::kUnavailable, "UPSTREAM_UNRECOGNIZED_404");

struct Row {
  const char* name;
  std::string body;  // of the 404
  Evidence evidence;
  Outcomes outcomes;
  // The probe's response, for kProbe and kEarlierProbe.
  int probe_status = 0;
  std::string probe_body = {};
  Fault probe_fault = Fault::kNone;
  bool is_body_complete = true;
  bool verify_scope = true;
};

void PrintTo(const Row& row, std::ostream* os) { *os << row.name; }

AttemptResult MakeResult(int status, std::string_view body, Fault fault, bool complete) {
  AttemptResult result;
  result.fault = fault;
  result.may_have_been_sent = true;
  result.http_status = status;
  result.body = {.bytes = body, .content_type = "application/json", .complete = complete};
  return result;
}

constexpr ScopeTable::Scope kScope = {.api_key = "default", .workspace = "w"};
constexpr ScopeTable::TimePoint kStart{1h};

// Finds out about the scope as the row says. Expects that a probe is made only where one is needed.
std::optional<ScopeStatus> LearnStatus(const Row& row) {
  ScopeTable table({});
  const ScopeStatus probed =
      ClassifyProbe(MakeResult(row.probe_status, row.probe_body, row.probe_fault, true)).status;
  if (row.evidence == Evidence::kOutOfTime) return std::nullopt;
  if (row.evidence == Evidence::kDeletion) table.OnDeleted(kScope, kStart);
  if (row.evidence == Evidence::kEarlierCode) {
    table.OnDeleted(kScope, kStart);
    table.OnMissing(kScope, kStart);
  }
  if (row.evidence == Evidence::kEarlierProbe) {
    EXPECT_EQ(table.Check(kScope, kStart).action, ScopeTable::Action::kBeginProbe);
    table.OnProbeFinished(kScope, probed, kStart);
  }
  const ScopeTable::Decision decision = table.Check(kScope, kStart + 1s);
  const bool must_probe = row.evidence == Evidence::kProbe;
  EXPECT_EQ(decision.action,
            must_probe ? ScopeTable::Action::kBeginProbe : ScopeTable::Action::kUseStatus);
  return must_probe ? table.OnProbeFinished(kScope, probed, kStart + 1s) : decision.status;
}

class NotFoundTableTest : public ::testing::TestWithParam<Row> {
 protected:
  // The response to a deletion that ends with the row's 404.
  static Deletion::Response Respond(int status, const std::vector<AttemptClassification>& earlier,
                                    bool allow_missing, bool attempted_before) {
    const Row& row = GetParam();
    Deletion deletion(RetryPolicy{}, {.allow_missing = allow_missing,
                                      .attempted_before = attempted_before,
                                      .verify_scope = row.verify_scope});
    for (const AttemptClassification& attempt : earlier) {
      EXPECT_TRUE(deletion.OnAttemptFinished(attempt, {}, kAmpleTime, 0.5).will_retry);
    }
    const AttemptResult result = MakeResult(status, row.body, Fault::kNone, row.is_body_complete);
    const Deletion::Step step =
        deletion.OnAttemptFinished(ClassifyAttempt(result, ParseErrorBody(result.body)),
                                   {.retry_after = 1s, .should_retry = true}, kAmpleTime, 0.5);
    EXPECT_FALSE(step.will_retry);
    EXPECT_EQ(step.needs_scope_proof, row.evidence != Evidence::kNotAsked);
    if (step.needs_scope_proof) {
      if (const std::optional<ScopeStatus> scope = LearnStatus(row)) {
        deletion.OnScopeChecked(*scope);
      }
    }
    return deletion.response();
  }

  static void ExpectResponse(const Deletion::Response& response, const Expected& expected) {
    EXPECT_EQ(response.code, expected.code) << absl::StatusCodeToString(response.code);
    EXPECT_EQ(response.certainty, expected.certainty);
    EXPECT_EQ(response.reason, expected.reason);
    const std::string reason = expected.reason;
    EXPECT_EQ(response.is_scope_error,
              reason == "SCOPE_NOT_FOUND" || reason == "ABSENCE_UNVERIFIED");
    // No client retries: `grpc-retry-pushback-ms` is -1.
    EXPECT_EQ(response.retry_after, std::nullopt);
    EXPECT_FALSE(response.retry_after_is_explicit);
  }
};

TEST_P(NotFoundTableTest, HasItsExactResponse) {
  struct History {
    const char* name;
    std::vector<AttemptClassification> attempts;
    bool attempted_before;
    bool is_ambiguous;
  };
  const History histories[] = {
      {"first attempt", {}, false, false},
      {"after a refused connection", {ConnectRefused()}, false, false},
      {"after the API was busy", {Unavailable()}, false, false},
      {"after a lost response", {Lost()}, false, true},
      {"after a lost response and a refused connection", {Lost(), ConnectRefused()}, false, true},
      {"after the caller's attempt", {}, true, true},
      {"after the caller's attempt and a refused connection", {ConnectRefused()}, true, true},
  };
  const Outcomes& outcomes = GetParam().outcomes;
  for (const History& history : histories) {
    for (int status : {404, 410}) {
      SCOPED_TRACE(std::string(history.name) + ", HTTP " + std::to_string(status));
      const Responses& expected = history.is_ambiguous ? outcomes.after_ambiguity : outcomes.first;
      ExpectResponse(Respond(status, history.attempts, false, history.attempted_before),
                     expected.plain);
      ExpectResponse(Respond(status, history.attempts, true, history.attempted_before),
                     expected.allow_missing);
    }
  }
}

std::string Name(const ::testing::TestParamInfo<Row>& param) { return param.param.name; }

INSTANTIATE_TEST_SUITE_P(
    ScopeProven, NotFoundTableTest,
    ::testing::Values(
        Row{"ByTheCode", kRunNotFound, Evidence::kNotAsked, kProven},
        Row{"ByARecentDeletion", kNotFound, Evidence::kDeletion, kProven},
        Row{"ByAProbe", kNotFound, Evidence::kProbe, kProven, 200, kList},
        Row{"ByAProbeAfterTheOlderBody", kOlderNotFound, Evidence::kProbe, kProven, 200, kList},
        Row{"ByAnEarlierProbe", kNotFound, Evidence::kEarlierProbe, kProven, 200, kList}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    ScopeMissing, NotFoundTableTest,
    ::testing::Values(
        Row{"ByAProbe", kNotFound, Evidence::kProbe, kScopeMissing, 404, kNotFound},
        Row{"ByAProbeWith410", kNotFound, Evidence::kProbe, kScopeMissing, 410, kNotFound},
        Row{"ByTheCode", kWorkspaceNotFound, Evidence::kNotAsked, kScopeMissing},
        Row{"ByTheCodeOfTheOrganization", kOrganizationNotFound, Evidence::kNotAsked,
            kScopeMissing},
        Row{"ByTheCodeOfAnEarlier404", kNotFound, Evidence::kEarlierCode, kScopeMissing},
        Row{"ByAnEarlierProbe", kNotFound, Evidence::kEarlierProbe, kScopeMissing, 404, kNotFound}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    ScopeUnverifiable, NotFoundTableTest,
    ::testing::Values(
        Row{"KeyUnauthenticated", kNotFound, Evidence::kProbe, kUnverified, 401, kDenied},
        Row{"KeyMayNotList", kNotFound, Evidence::kProbe, kUnverified, 403, kDenied},
        Row{"RateLimited", kNotFound, Evidence::kProbe, kUnverified, 429, kDenied},
        Row{"Failed", kNotFound, Evidence::kProbe, kUnverified, 500, kDenied},
        Row{"Busy", kNotFound, Evidence::kProbe, kUnverified, 503, kHtml},
        Row{"Redirected", kNotFound, Evidence::kProbe, kUnverified, 302, ""},
        Row{"ByAPage", kNotFound, Evidence::kProbe, kUnverified, 200, kHtml},
        Row{"ByOtherJson", kNotFound, Evidence::kProbe, kUnverified, 200, "{}"},
        Row{"ByAnError", kNotFound, Evidence::kProbe, kUnverified, 200, kNotFound},
        Row{"ByNothing", kNotFound, Evidence::kProbe, kUnverified, 204, ""},
        Row{"ByAnUnrecognized404", kNotFound, Evidence::kProbe, kUnverified, 404, kHtml},
        Row{"ByTheFrameworks404", kNotFound, Evidence::kProbe, kUnverified, 404, kFramework},
        Row{"Unreachable", kNotFound, Evidence::kProbe, kUnverified, 0, "", Fault::kConnect},
        Row{"TimedOut", kNotFound, Evidence::kProbe, kUnverified, 0, "", Fault::kTimeout},
        Row{"Lost", kNotFound, Evidence::kProbe, kUnverified, 0, "", Fault::kConnectionLost},
        Row{"ByAnEarlierProbe", kNotFound, Evidence::kEarlierProbe, kUnverified, 403, kDenied},
        Row{"OutOfTime", kNotFound, Evidence::kOutOfTime, kUnverified}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Unrecognized, NotFoundTableTest,
    ::testing::Values(Row{"Page", kHtml, Evidence::kNotAsked, kUnrecognized},
                      Row{"Framework", kFramework, Evidence::kNotAsked, kUnrecognized},
                      Row{"Empty", "", Evidence::kNotAsked, kUnrecognized},
                      Row{"Array", "[]", Evidence::kNotAsked, kUnrecognized},
                      Row{"ErrorWithoutCode", R"({"error": {"message": "not found"}})",
                          Evidence::kNotAsked, kUnrecognized},
                      Row{"Cut", kNotFound.substr(0, kNotFound.size() - 3), Evidence::kNotAsked,
                          kUnrecognized, 0, "", Fault::kNone, /*is_body_complete=*/false},
                      Row{"CutAfterTheError", kNotFound, Evidence::kNotAsked, kUnrecognized, 0, "",
                          Fault::kNone,
                          /*is_body_complete=*/false}),
    Name);

// With the verification disabled, a recognised 404 is evidence by itself; others still are not.
Row WithoutVerification(Row row) {
  row.verify_scope = false;
  return row;
}

INSTANTIATE_TEST_SUITE_P(
    WithoutVerification, NotFoundTableTest,
    ::testing::Values(
        WithoutVerification({"Recognized", kNotFound, Evidence::kNotAsked, kProven}),
        WithoutVerification({"OlderBody", kOlderNotFound, Evidence::kNotAsked, kProven}),
        WithoutVerification({"ByTheCode", kRunNotFound, Evidence::kNotAsked, kProven}),
        WithoutVerification({"Workspace", kWorkspaceNotFound, Evidence::kNotAsked, kScopeMissing}),
        WithoutVerification({"Page", kHtml, Evidence::kNotAsked, kUnrecognized}),
        WithoutVerification({"Framework", kFramework, Evidence::kNotAsked, kUnrecognized})),
    Name);

}  // namespace
}  // namespace evalrun::deletion
