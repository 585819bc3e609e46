// SPDX-License-Identifier: Apache-2.0
//
// The response of a whole deletion, given its attempts: the join, as a table.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/deletion/deletion_testing.h"

namespace evalrun::deletion {
namespace {

using absl::StatusCode;

TEST(CertaintyNameTest, NamesEveryValue) {
  EXPECT_EQ(CertaintyName(Certainty::kPerformed), "performed");
  EXPECT_EQ(CertaintyName(Certainty::kPresumed), "presumed");
  EXPECT_EQ(CertaintyName(Certainty::kAbsent), "absent");
  EXPECT_EQ(CertaintyName(Certainty::kNotPerformed), "not_performed");
  EXPECT_EQ(CertaintyName(Certainty::kUnknown), "unknown");
}

struct Row {
  const char* name;
  std::vector<AttemptClassification> attempts;
  Deletion::Request request;
  StatusCode code;
  Certainty certainty;
};

void PrintTo(const Row& row, std::ostream* os) { *os << row.name; }

class DeletionJoinTest : public ::testing::TestWithParam<Row> {};

TEST_P(DeletionJoinTest, Responds) {
  const Row& row = GetParam();
  const Deletion::Response response = ResponseTo(row.attempts, row.request);
  EXPECT_EQ(response.code, row.code) << absl::StatusCodeToString(response.code);
  EXPECT_EQ(response.certainty, row.certainty);
  EXPECT_EQ(response.attempts, static_cast<int>(row.attempts.size()));
  if (row.code == StatusCode::kOk) {
    EXPECT_EQ(response.reason, "");
    EXPECT_EQ(response.retry_after, std::nullopt);
  } else {
    EXPECT_THAT(std::string(response.reason), ::testing::MatchesRegex("[A-Z][A-Z0-9_]+[A-Z0-9]"));
  }
}

std::string Name(const ::testing::TestParamInfo<Row>& param) { return param.param.name; }

constexpr Deletion::Request kPlain = {};
constexpr Deletion::Request kAllowMissing = {.allow_missing = true, .attempted_before = false};
constexpr Deletion::Request kRepeated = {.allow_missing = false, .attempted_before = true};
constexpr Deletion::Request kBoth = {.allow_missing = true, .attempted_before = true};

INSTANTIATE_TEST_SUITE_P(
    OneAttempt, DeletionJoinTest,
    ::testing::Values(
        Row{"Deleted", {Deleted()}, kPlain, StatusCode::kOk, Certainty::kPerformed},
        Row{"Absent", {Absent()}, kPlain, StatusCode::kNotFound, Certainty::kAbsent},
        Row{"Gone",
            {Http(410, BodyKind::kApiError)},
            kPlain,
            StatusCode::kNotFound,
            Certainty::kAbsent},
        Row{"Unrecognized404",
            {Unrecognized404()},
            kPlain,
            StatusCode::kUnavailable,
            Certainty::kNotPerformed},
        Row{"ConnectRefused",
            {ConnectRefused()},
            kPlain,
            StatusCode::kUnavailable,
            Certainty::kNotPerformed},
        Row{"Lost", {Lost()}, kPlain, StatusCode::kUnavailable, Certainty::kUnknown},
        Row{"TimedOut", {TimedOut()}, kPlain, StatusCode::kDeadlineExceeded, Certainty::kUnknown},
        Row{"Unauthenticated",
            {Http(401)},
            kPlain,
            StatusCode::kUnauthenticated,
            Certainty::kNotPerformed},
        Row{"Invalid", {Http(422)}, kPlain, StatusCode::kInvalidArgument, Certainty::kNotPerformed},
        Row{"Conflict", {Http(409)}, kPlain, StatusCode::kAborted, Certainty::kNotPerformed},
        Row{"TooManyRequests",
            {Http(429)},
            kPlain,
            StatusCode::kResourceExhausted,
            Certainty::kNotPerformed},
        Row{"Failed", {Http(500)}, kPlain, StatusCode::kInternal, Certainty::kUnknown},
        Row{"NotReady",
            {Unavailable()},
            kPlain,
            StatusCode::kUnavailable,
            Certainty::kNotPerformed},
        Row{"ProxyNotReady", {Http(503)}, kPlain, StatusCode::kUnavailable, Certainty::kUnknown},
        Row{"Accepted", {Http(202)}, kPlain, StatusCode::kUnknown, Certainty::kUnknown}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    AllowMissing, DeletionJoinTest,
    ::testing::Values(
        Row{"Deleted", {Deleted()}, kAllowMissing, StatusCode::kOk, Certainty::kPerformed},
        Row{"Absent", {Absent()}, kAllowMissing, StatusCode::kOk, Certainty::kAbsent},
        Row{"Gone",
            {Http(410, BodyKind::kApiError)},
            kAllowMissing,
            StatusCode::kOk,
            Certainty::kAbsent},
        Row{"Unrecognized404",
            {Unrecognized404()},
            kAllowMissing,
            StatusCode::kUnavailable,
            Certainty::kNotPerformed},
        Row{"Unrecognized410",
            {Http(410, BodyKind::kEmpty)},
            kAllowMissing,
            StatusCode::kUnavailable,
            Certainty::kNotPerformed},
        Row{"AbsentAfterALostResponse",
            {Lost(), Absent()},
            kAllowMissing,
            StatusCode::kOk,
            Certainty::kPresumed},
        Row{"AbsentAfterARefusal",
            {ConnectRefused(), Absent()},
            kAllowMissing,
            StatusCode::kOk,
            Certainty::kAbsent},
        Row{"Unrecognized404AfterALostResponse",
            {Lost(), Unrecognized404()},
            kAllowMissing,
            StatusCode::kUnavailable,
            Certainty::kUnknown},
        Row{"Failed", {Http(500)}, kAllowMissing, StatusCode::kInternal, Certainty::kUnknown}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    TheCallerTriedBefore, DeletionJoinTest,
    ::testing::Values(
        Row{"Deleted", {Deleted()}, kRepeated, StatusCode::kOk, Certainty::kPerformed},
        Row{"Absent", {Absent()}, kRepeated, StatusCode::kOk, Certainty::kPresumed},
        Row{"AbsentAndAllowed", {Absent()}, kBoth, StatusCode::kOk, Certainty::kPresumed},
        Row{"AbsentAfterARefusal",
            {ConnectRefused(), Absent()},
            kRepeated,
            StatusCode::kOk,
            Certainty::kPresumed},
        Row{"TimedOut",
            {TimedOut()},
            kRepeated,
            StatusCode::kDeadlineExceeded,
            Certainty::kUnknown}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    SeveralAttempts, DeletionJoinTest,
    ::testing::Values(
        Row{"LostThenDone", {Lost(), Deleted()}, kPlain, StatusCode::kOk, Certainty::kPerformed},
        Row{"RefusedThenDone",
            {ConnectRefused(), Deleted()},
            kPlain,
            StatusCode::kOk,
            Certainty::kPerformed},
        Row{"LostThenAbsent", {Lost(), Absent()}, kPlain, StatusCode::kOk, Certainty::kPresumed},
        Row{"TimedOutThenAbsent",
            {TimedOut(), Absent()},
            kPlain,
            StatusCode::kOk,
            Certainty::kPresumed},
        Row{"FailedThenGone",
            {Http(500), Http(410, BodyKind::kApiError)},
            kPlain,
            StatusCode::kOk,
            Certainty::kPresumed},
        Row{"RefusedThenAbsent",
            {ConnectRefused(), Absent()},
            kPlain,
            StatusCode::kNotFound,
            Certainty::kAbsent},
        Row{"NotReadyThenAbsent",
            {Unavailable(), Absent()},
            kPlain,
            StatusCode::kNotFound,
            Certainty::kAbsent},
        Row{"LostThenRefusedThenAbsent",
            {Lost(), ConnectRefused(), Absent()},
            kPlain,
            StatusCode::kOk,
            Certainty::kPresumed},
        Row{"LostThenUnrecognized404",
            {Lost(), Unrecognized404()},
            kPlain,
            StatusCode::kUnavailable,
            Certainty::kUnknown},
        Row{"LostThenRefusedThenUnrecognized404",
            {Lost(), ConnectRefused(), Unrecognized404()},
            kPlain,
            StatusCode::kUnavailable,
            Certainty::kUnknown},
        Row{"RefusedThenUnrecognized404",
            {ConnectRefused(), Unrecognized404()},
            kPlain,
            StatusCode::kUnavailable,
            Certainty::kNotPerformed},
        Row{"GatewayTimeoutThenUnauthenticated",
            {Http(504), Http(401)},
            kPlain,
            StatusCode::kUnauthenticated,
            Certainty::kUnknown},
        Row{"LostThenInvalid",
            {Lost(), Http(400)},
            kPlain,
            StatusCode::kInvalidArgument,
            Certainty::kUnknown},
        Row{"LostThenRefused",
            {Lost(), ConnectRefused()},
            kPlain,
            StatusCode::kUnavailable,
            Certainty::kUnknown},
        Row{"LostThenTooManyRequests",
            {Lost(), Http(429)},
            kPlain,
            StatusCode::kResourceExhausted,
            Certainty::kUnknown},
        Row{"LostThenConflict",
            {Lost(), Http(409)},
            kPlain,
            StatusCode::kAborted,
            Certainty::kUnknown},
        Row{"LostThenNotReady",
            {Lost(), Unavailable()},
            kPlain,
            StatusCode::kUnavailable,
            Certainty::kUnknown},
        Row{"RefusedTwice",
            {ConnectRefused(), ConnectRefused()},
            kPlain,
            StatusCode::kUnavailable,
            Certainty::kNotPerformed},
        Row{"RefusedThenNotReady",
            {ConnectRefused(), Unavailable()},
            kPlain,
            StatusCode::kUnavailable,
            Certainty::kNotPerformed},
        Row{"RefusedThenLost",
            {ConnectRefused(), Lost()},
            kPlain,
            StatusCode::kUnavailable,
            Certainty::kUnknown},
        Row{"FailedThrice",
            {Http(500), Http(500), Http(500)},
            kPlain,
            StatusCode::kInternal,
            Certainty::kUnknown},
        Row{"ProxyNotReadyThenNotReady",
            {Http(503), Unavailable()},
            kPlain,
            StatusCode::kUnavailable,
            Certainty::kUnknown}),
    Name);

TEST(DeletionResponseTest, Unrecognized404KeepsItsReason) {
  EXPECT_EQ(ResponseTo({Unrecognized404()}).reason, "UPSTREAM_UNRECOGNIZED_404");
  EXPECT_EQ(ResponseTo({Lost(), Unrecognized404()}).reason, "UPSTREAM_UNRECOGNIZED_404");
}

TEST(DeletionResponseTest, ReasonIsOfTheLastAttempt) {
  EXPECT_EQ(ResponseTo({Lost(), Http(301)}).reason, "UPSTREAM_UNEXPECTED_REDIRECT");
  EXPECT_EQ(ResponseTo({Lost(), Http(202)}).reason, "UPSTREAM_UNEXPECTED_RESPONSE");
}

TEST(DeletionResponseTest, NoAttemptIsNotPerformed) {
  const Deletion deletion(RetryPolicy{}, kPlain);
  EXPECT_EQ(deletion.attempts(), 0);
  EXPECT_EQ(deletion.response().attempts, 0);
  EXPECT_NE(deletion.response().code, StatusCode::kOk);
}

}  // namespace
}  // namespace evalrun::deletion
