// SPDX-License-Identifier: Apache-2.0
//
// The two tables of the translation, row by row. The expectations are written out in full, on
// purpose: nothing is computed from the code under test.
#include "rest_backend/deletion/attempt_classification.h"

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/deletion/printers.h"

namespace evalrun::deletion {
namespace {

using absl::StatusCode;
using ::testing::AnyOf;
using ::testing::MatchesRegex;

constexpr BodyKind kAllBodies[] = {BodyKind::kEmpty, BodyKind::kJson, BodyKind::kApiError,
                                   BodyKind::kOther};
constexpr BodyKind kUnrecognised[] = {BodyKind::kEmpty, BodyKind::kJson, BodyKind::kOther};

// google.rpc.ErrorInfo's rule for a reason.
void ExpectReasonIsWellFormed(std::string_view reason) {
  EXPECT_THAT(std::string(reason), MatchesRegex("[A-Z][A-Z0-9_]+[A-Z0-9]"));
  EXPECT_LE(reason.size(), 63u);
}

// What one row of the HTTP table says.
struct Row {
  StatusCode code;
  Effect effect;
  std::vector<Retry> retry;  // any of these
  std::string reason = {};   // empty: any well-formed one
};

const Row kProtocolError = {
    StatusCode::kUnavailable, Effect::kUnknown, {Retry::kSafe, Retry::kNever}};
const Row kUnexpectedSuccess = {
    StatusCode::kUnknown, Effect::kUnknown, {Retry::kNever}, "UPSTREAM_UNEXPECTED_RESPONSE"};
const Row kRedirect = {
    StatusCode::kInternal, Effect::kNothing, {Retry::kNever}, "UPSTREAM_UNEXPECTED_REDIRECT"};
const Row kOther4xx = {StatusCode::kInternal, Effect::kNothing, {Retry::kNever}};
const Row kOther5xx = {StatusCode::kInternal, Effect::kUnknown, {Retry::kOn500}};
const Row kInvalid = {StatusCode::kInvalidArgument, Effect::kNothing, {Retry::kNever}};
const Row kDenied = {StatusCode::kPermissionDenied, Effect::kNothing, {Retry::kNever}};
const Row kUnimplemented = {StatusCode::kUnimplemented, Effect::kNothing, {Retry::kNever}};
const Row kUnrecognizedNotFound = {
    StatusCode::kUnavailable, Effect::kNothing, {Retry::kNever}, "UPSTREAM_UNRECOGNIZED_404"};
const Row kAbsent404 = {StatusCode::kNotFound, Effect::kAbsent, {Retry::kNever}};
const Row kProxyFailed = {StatusCode::kUnavailable, Effect::kUnknown, {Retry::kSafe}};
// Not named among what is retried by the contract, which leaves both open.
const Row kEdgeFailed = {StatusCode::kUnavailable, Effect::kUnknown, {Retry::kSafe, Retry::kOn500}};
const Row kSuccess = {StatusCode::kOk, Effect::kDeleted, {Retry::kNever}};

// The rows that do not depend on the body.
const std::map<int, Row>& ListedStatuses() {
  static const auto* rows = new std::map<int, Row>{
      {204, kSuccess},
      {400, kInvalid},
      {401, {StatusCode::kUnauthenticated, Effect::kNothing, {Retry::kNever}}},
      {403, kDenied},
      {405, kUnimplemented},
      {407, {StatusCode::kInternal, Effect::kNothing, {Retry::kNever}, "UPSTREAM_PROXY_REFUSED"}},
      {408, kProxyFailed},
      {409, {StatusCode::kAborted, Effect::kNothing, {Retry::kOnConflict}}},
      {412, {StatusCode::kFailedPrecondition, Effect::kNothing, {Retry::kNever}}},
      {413, kInvalid},
      {414, kInvalid},
      {421, {StatusCode::kUnavailable, Effect::kNothing, {Retry::kSafe, Retry::kNever}}},
      {422, kInvalid},
      {425, {StatusCode::kUnavailable, Effect::kNothing, {Retry::kSafe}}},
      {429, {StatusCode::kResourceExhausted, Effect::kNothing, {Retry::kAfterDelay}}},
      {431, kInvalid},
      {451, kDenied},
      {499, {StatusCode::kCancelled, Effect::kUnknown, {Retry::kNever}}},
      {500, kOther5xx},
      {501, kUnimplemented},
      {502, kProxyFailed},
      {504, {StatusCode::kDeadlineExceeded, Effect::kUnknown, {Retry::kSafe}}},
      {520, kEdgeFailed},
      {521, kEdgeFailed},
      {522, kEdgeFailed},
      {523, kEdgeFailed},
      {524, kEdgeFailed},
      {525, kEdgeFailed},
      {526, kEdgeFailed},
      {527, kEdgeFailed},
      {528, kEdgeFailed},
      {529, kEdgeFailed},
      {530, kEdgeFailed},
  };
  return *rows;
}

Row Expected(int status, BodyKind body) {
  const bool recognised = body == BodyKind::kApiError;
  if (status == 200) {
    const bool fine = body == BodyKind::kEmpty || body == BodyKind::kJson;
    return fine ? kSuccess : kUnexpectedSuccess;
  }
  if (status == 404 || status == 410) return recognised ? kAbsent404 : kUnrecognizedNotFound;
  if (status == 503) {
    if (recognised) return {StatusCode::kUnavailable, Effect::kNothing, {Retry::kSafe}};
    return kProxyFailed;
  }
  if (auto it = ListedStatuses().find(status); it != ListedStatuses().end()) return it->second;
  if (status >= 200 && status <= 299) return kUnexpectedSuccess;
  if (status >= 300 && status <= 399) return kRedirect;
  if (status >= 400 && status <= 499) return kOther4xx;
  if (status >= 500 && status <= 599) return kOther5xx;
  return kProtocolError;
}

void ExpectRow(const AttemptClassification& outcome, const Row& row) {
  EXPECT_EQ(outcome.code, row.code) << absl::StatusCodeToString(outcome.code);
  EXPECT_EQ(outcome.effect, row.effect);
  EXPECT_THAT(row.retry, ::testing::Contains(outcome.retry));
  if (row.code == StatusCode::kOk) return;
  ExpectReasonIsWellFormed(outcome.reason);
  if (!row.reason.empty()) {
    EXPECT_EQ(outcome.reason, row.reason);
  }
}

std::string Describe(int status, BodyKind body) {
  return "HTTP " + std::to_string(status) + " with body " + ::testing::PrintToString(body);
}

TEST(IsResponseTest, AnInterimStatusIsNone) {
  for (int status = 100; status <= 199; ++status) {
    EXPECT_EQ(IsResponse(status, false), status == 101) << status;
    EXPECT_EQ(IsResponse(status, true), status == 101) << status;
  }
}

TEST(IsResponseTest, ASuccessIsOneUnlessItsTimeRanOut) {
  for (int status = 200; status <= 299; ++status) {
    EXPECT_TRUE(IsResponse(status, false)) << status;
    EXPECT_FALSE(IsResponse(status, true)) << status;
  }
}

TEST(IsResponseTest, AnyOtherStatusIsOneWithoutTheRest) {
  for (const int status : {1, 99, 300, 301, 401, 404, 429, 500, 503, 599, 600, 999}) {
    EXPECT_TRUE(IsResponse(status, false)) << status;
    EXPECT_TRUE(IsResponse(status, true)) << status;
  }
}

TEST(IsResponseTest, NoStatusIsNone) {
  EXPECT_FALSE(IsResponse(0, false));
  EXPECT_FALSE(IsResponse(0, true));
}

TEST(ClassifyStatusTest, MatchesTableForEveryStatusAndBody) {
  for (int status = 100; status <= 599; ++status) {
    for (BodyKind body : kAllBodies) {
      SCOPED_TRACE(Describe(status, body));
      ExpectRow(ClassifyStatus(status, body), Expected(status, body));
    }
  }
}

TEST(ClassifyStatusTest, InvalidStatusIsProtocolError) {
  for (int status : {-2147483647 - 1, -200, -1, 0, 1, 20, 99, 600, 604, 999, 1204, 2147483647}) {
    for (BodyKind body : kAllBodies) {
      SCOPED_TRACE(Describe(status, body));
      ExpectRow(ClassifyStatus(status, body), kProtocolError);
    }
  }
}

TEST(ClassifyStatusTest, BodyNeverTurnsFailureIntoSuccess) {
  for (int status = 0; status <= 999; ++status) {
    if (status == 200 || status == 204) continue;
    for (BodyKind body : kAllBodies) {
      SCOPED_TRACE(Describe(status, body));
      const AttemptClassification outcome = ClassifyStatus(status, body);
      EXPECT_NE(outcome.code, StatusCode::kOk);
      EXPECT_NE(outcome.effect, Effect::kDeleted);
    }
  }
}

TEST(ClassifyStatusTest, OnlyApiErrorMeansAbsent) {
  for (int status = 0; status <= 999; ++status) {
    for (BodyKind body : kUnrecognised) {
      SCOPED_TRACE(Describe(status, body));
      EXPECT_NE(ClassifyStatus(status, body).effect, Effect::kAbsent);
    }
    if (status == 404 || status == 410) continue;
    SCOPED_TRACE(Describe(status, BodyKind::kApiError));
    EXPECT_NE(ClassifyStatus(status, BodyKind::kApiError).effect, Effect::kAbsent);
  }
}

TEST(ClassifyStatusTest, Recognized404HasItsOwnReason) {
  EXPECT_NE(ClassifyStatus(404, BodyKind::kApiError).reason, "UPSTREAM_UNRECOGNIZED_404");
  EXPECT_NE(ClassifyStatus(410, BodyKind::kApiError).reason, "UPSTREAM_UNRECOGNIZED_404");
}

// One row of the table of faults.
struct FaultRow {
  const char* name;
  Fault fault;
  bool may_have_been_sent;
  std::vector<StatusCode> code;  // any of these
  Effect effect;
  std::vector<Retry> retry;  // any of these
};

void PrintTo(const FaultRow& row, std::ostream* os) { *os << row.name; }

class ClassifyFaultTest : public ::testing::TestWithParam<FaultRow> {};

TEST_P(ClassifyFaultTest, MatchesTable) {
  const FaultRow& row = GetParam();
  const AttemptClassification outcome = ClassifyFault(row.fault, row.may_have_been_sent);
  EXPECT_THAT(row.code, ::testing::Contains(outcome.code));
  EXPECT_EQ(outcome.effect, row.effect);
  EXPECT_THAT(row.retry, ::testing::Contains(outcome.retry));
  ExpectReasonIsWellFormed(outcome.reason);
}

const std::vector<StatusCode> kUnavailable = {StatusCode::kUnavailable};
const std::vector<StatusCode> kDeadline = {StatusCode::kDeadlineExceeded};
// The contract has no row for a failure of this very process.
const std::vector<StatusCode> kGatewayError = {StatusCode::kInternal, StatusCode::kUnavailable,
                                               StatusCode::kResourceExhausted};
const std::vector<Retry> kRetryable = {Retry::kSafe};
const std::vector<Retry> kEither = {Retry::kSafe, Retry::kNever};

INSTANTIATE_TEST_SUITE_P(
    Faults, ClassifyFaultTest,
    ::testing::Values(
        FaultRow{"Resolve", Fault::kResolve, false, kUnavailable, Effect::kNothing, kRetryable},
        FaultRow{"Connect", Fault::kConnect, false, kUnavailable, Effect::kNothing, kRetryable},
        FaultRow{"Tls", Fault::kTls, false, kUnavailable, Effect::kNothing, kEither},
        FaultRow{"TimeoutBeforeSending", Fault::kTimeout, false, kDeadline, Effect::kNothing,
                 kRetryable},
        FaultRow{"TimeoutAfterSending", Fault::kTimeout, true, kDeadline, Effect::kUnknown,
                 kRetryable},
        FaultRow{"LostBeforeSending", Fault::kConnectionLost, false, kUnavailable, Effect::kNothing,
                 kRetryable},
        FaultRow{"LostAfterSending", Fault::kConnectionLost, true, kUnavailable, Effect::kUnknown,
                 kRetryable},
        FaultRow{"NotHttp", Fault::kProtocol, true, kUnavailable, Effect::kUnknown, kEither},
        FaultRow{"HeadersTooLarge", Fault::kTooLarge, true, kUnavailable, Effect::kUnknown,
                 kEither},
        FaultRow{"OurselvesBeforeSending", Fault::kInternal, false, kGatewayError, Effect::kNothing,
                 kEither},
        FaultRow{"OurselvesAfterSending", Fault::kInternal, true, kGatewayError, Effect::kUnknown,
                 kEither}),
    [](const auto& param) { return std::string(param.param.name); });

constexpr Fault kAllFaults[] = {Fault::kResolve,  Fault::kConnect,  Fault::kProxyRefused,
                                Fault::kTls,      Fault::kTimeout,  Fault::kConnectionLost,
                                Fault::kProtocol, Fault::kTooLarge, Fault::kInternal};

TEST(ClassifyFaultTest, ProxyThatRefusesForGoodIsNotAskedAgain) {
  for (const int status : {400, 401, 403, 404, 407, 451}) {
    EXPECT_EQ(ClassifyFault(Fault::kProxyRefused, false, status),
              (AttemptClassification{StatusCode::kInternal, Effect::kNothing, Retry::kNever,
                                     "UPSTREAM_PROXY_REFUSED"}))
        << status;
  }
}

TEST(ClassifyFaultTest, ProxyThatFailsForNowIsAskedAgain) {
  for (const int status : {0, 302, 408, 429, 500, 502, 503, 504, 999}) {
    EXPECT_EQ(ClassifyFault(Fault::kProxyRefused, false, status),
              (AttemptClassification{StatusCode::kUnavailable, Effect::kNothing, Retry::kSafe,
                                     "UPSTREAM_PROXY_REFUSED"}))
        << status;
  }
}

TEST(ClassifyFaultTest, PossiblySentIsUnknown) {
  for (Fault fault : kAllFaults) {
    SCOPED_TRACE(::testing::PrintToString(fault));
    EXPECT_EQ(ClassifyFault(fault, true).effect, Effect::kUnknown);
  }
}

TEST(ClassifyFaultTest, NotSentIsNothing) {
  for (Fault fault : kAllFaults) {
    SCOPED_TRACE(::testing::PrintToString(fault));
    EXPECT_EQ(ClassifyFault(fault, false).effect, Effect::kNothing);
    EXPECT_NE(ClassifyFault(fault, false).code, StatusCode::kOk);
  }
}

AttemptResult MakeResult(int status, std::string_view body, std::string_view content_type) {
  AttemptResult result;
  result.may_have_been_sent = true;
  result.http_status = status;
  result.body = {.bytes = body, .content_type = content_type};
  return result;
}

constexpr std::string_view kApiError =
    R"({"error": {"code": "resource.not_found", "message": "m", "details": {}}, "request_id": ""})";

AttemptClassification Read(const AttemptResult& result) {
  return ClassifyAttempt(result, ParseErrorBody(result.body));
}

TEST(ClassifyAttemptTest, UsesTheBody) {
  const AttemptClassification absent = Read(MakeResult(404, kApiError, "application/json"));
  EXPECT_EQ(absent.effect, Effect::kAbsent);
  const AttemptClassification html = Read(MakeResult(404, "<html></html>", "text/html"));
  EXPECT_EQ(html.reason, "UPSTREAM_UNRECOGNIZED_404");
  const AttemptClassification framework =
      Read(MakeResult(404, R"({"detail": "Not Found"})", "application/json"));
  EXPECT_EQ(framework.reason, "UPSTREAM_UNRECOGNIZED_404");
}

struct CodeCase {
  const char* name;
  const char* code;  // the API's `error.code`
  ScopeStatus scope;
};

void PrintTo(const CodeCase& row, std::ostream* os) { *os << row.code; }

class ScopeOfCodeTest : public ::testing::TestWithParam<CodeCase> {};

TEST_P(ScopeOfCodeTest, IsReadOfAMissingResourceOnly) {
  const std::string body =
      std::string(R"({"error": {"code": ")") + GetParam().code + R"(", "message": "eval run"}})";
  for (int status : {404, 410}) {
    const AttemptClassification absent = Read(MakeResult(status, body, "application/json"));
    EXPECT_EQ(absent.effect, Effect::kAbsent);
    EXPECT_EQ(absent.scope, GetParam().scope);
  }
  for (int status : {200, 400, 403, 409, 422, 500, 503}) {
    EXPECT_EQ(Read(MakeResult(status, body, "application/json")).scope, ScopeStatus::kUnverifiable)
        << status;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Codes, ScopeOfCodeTest,
    ::testing::Values(
        CodeCase{"ScoreRun", "resource.score_run_not_found", ScopeStatus::kProven},
        CodeCase{"EvalRun", "resource.eval_run_not_found", ScopeStatus::kProven},
        CodeCase{"Run", "resource.run_not_found", ScopeStatus::kProven},
        CodeCase{"RunWithoutGroup", "eval_run_not_found", ScopeStatus::kProven},
        CodeCase{"Workspace", "resource.workspace_not_found", ScopeStatus::kMissing},
        CodeCase{"WorkspaceWithoutGroup", "workspace_not_found", ScopeStatus::kMissing},
        CodeCase{"Organization", "resource.organization_not_found", ScopeStatus::kMissing},
        CodeCase{"Org", "resource.org_not_found", ScopeStatus::kMissing},
        CodeCase{"AnyResource", "resource.not_found", ScopeStatus::kUnverifiable},
        CodeCase{"Eval", "resource.eval_not_found", ScopeStatus::kUnverifiable},
        CodeCase{"EndsInRun", "resource.workspace_eval_run_not_found", ScopeStatus::kUnverifiable},
        CodeCase{"RunInTheGroup", "score_run_not_found.workspace", ScopeStatus::kUnverifiable},
        CodeCase{"WorkspaceInTheGroup", "workspace_not_found.other", ScopeStatus::kUnverifiable},
        CodeCase{"OtherCase", "RESOURCE.SCORE_RUN_NOT_FOUND", ScopeStatus::kUnverifiable},
        CodeCase{"Longer", "resource.score_run_not_found2", ScopeStatus::kUnverifiable}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(ClassifyAttemptTest, Truncated404IsNotRecognized) {
  AttemptResult result =
      MakeResult(404, kApiError.substr(0, kApiError.size() - 20), "application/json");
  result.body.complete = false;
  EXPECT_EQ(Read(result).reason, "UPSTREAM_UNRECOGNIZED_404");
}

TEST(ClassifyAttemptTest, TruncatedJson200IsSuccess) {
  AttemptResult result = MakeResult(200, R"({"deleted": tr)", "application/json");
  result.body.complete = false;
  EXPECT_EQ(Read(result).code, StatusCode::kOk);
  result.body.bytes = "";
  EXPECT_EQ(Read(result).code, StatusCode::kOk);
}

// As with the whole body, which contradicts the status.
TEST(ClassifyAttemptTest, Truncated200WithTheApisErrorIsUnknown) {
  const AttemptClassification whole = Read(MakeResult(200, kApiError, "application/json"));
  EXPECT_EQ(whole.effect, Effect::kUnknown);
  AttemptResult result = MakeResult(200, kApiError, "application/json");
  result.body.complete = false;
  for (const std::size_t length : {kApiError.size(), kApiError.size() - 1, kApiError.size() / 2}) {
    result.body.bytes = kApiError.substr(0, length);
    EXPECT_EQ(Read(result), whole) << length;
  }
}

TEST(ClassifyAttemptTest, HtmlPageIsNotSuccess) {
  const AttemptClassification outcome = Read(MakeResult(200, "<html>Sign in</html>", "text/html"));
  EXPECT_EQ(outcome.code, StatusCode::kUnknown);
  EXPECT_EQ(outcome.reason, "UPSTREAM_UNEXPECTED_RESPONSE");
}

TEST(ClassifyAttemptTest, UsesTheStatusOfTheProxy) {
  AttemptResult result;
  result.fault = Fault::kProxyRefused;
  result.proxy_status = 407;
  EXPECT_EQ(Read(result).retry, Retry::kNever);
  result.proxy_status = 502;
  EXPECT_EQ(Read(result).retry, Retry::kSafe);
}

TEST(ClassifyAttemptTest, FaultTakesPrecedence) {
  AttemptResult result = MakeResult(204, "", "");
  result.fault = Fault::kConnectionLost;
  EXPECT_EQ(Read(result), ClassifyFault(Fault::kConnectionLost, true));
  result.may_have_been_sent = false;
  EXPECT_EQ(Read(result), ClassifyFault(Fault::kConnectionLost, false));
}

}  // namespace
}  // namespace evalrun::deletion
