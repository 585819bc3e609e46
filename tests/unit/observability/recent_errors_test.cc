// SPDX-License-Identifier: Apache-2.0
//
// What fails now: groups of calls that ended alike, the latest first.
#include "service/observability/recent_errors.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::observability {
namespace {

using absl::StatusCode;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::chrono::system_clock::time_point kNow{seconds(1'000'000)};

class RecentErrorsTest : public ::testing::Test {
 protected:
  std::vector<std::string> Reasons(std::chrono::system_clock::time_point now = kNow) {
    std::vector<std::string> reasons;
    for (const ErrorGroup& group : errors_.LatestFirst(now)) reasons.push_back(group.reason);
    return reasons;
  }

  RecentErrors errors_;
};

TEST_F(RecentErrorsTest, GroupsCallsThatEndedAlike) {
  errors_.Add({.request_id = "r-1",
               .caller = "dns:a",
               .eval_run_uuid = "e-1",
               .code = StatusCode::kUnavailable,
               .reason = "UPSTREAM_UNAVAILABLE",
               .http_status = 503},
              kNow);
  errors_.Add({.request_id = "r-2",
               .caller = "dns:b",
               .eval_run_uuid = "e-2",
               .code = StatusCode::kUnavailable,
               .reason = "UPSTREAM_UNAVAILABLE",
               .certainty = deletion::Certainty::kUnknown,
               .http_status = 503},
              kNow + seconds(2));
  const std::vector<ErrorGroup> groups = errors_.LatestFirst(kNow + seconds(3));
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_EQ(groups[0].count, 2u);
  EXPECT_EQ(groups[0].first, kNow);
  EXPECT_EQ(groups[0].last, kNow + seconds(2));
  EXPECT_EQ(groups[0].request_id, "r-2");
  EXPECT_EQ(groups[0].caller, "dns:b");
  EXPECT_EQ(groups[0].eval_run_uuid, "e-2");
  EXPECT_EQ(groups[0].certainty, deletion::Certainty::kUnknown);
}

TEST_F(RecentErrorsTest, SeparatesByCodeReasonAndCause) {
  errors_.Add({.code = StatusCode::kUnavailable, .reason = "A", .http_status = 503}, kNow);
  errors_.Add({.code = StatusCode::kUnavailable, .reason = "A", .http_status = 502}, kNow);
  errors_.Add({.code = StatusCode::kUnavailable, .reason = "B", .http_status = 503}, kNow);
  errors_.Add({.code = StatusCode::kInternal, .reason = "A", .http_status = 503}, kNow);
  errors_.Add({.code = StatusCode::kResourceExhausted, .reason = "R", .limited_by = "x"}, kNow);
  errors_.Add({.code = StatusCode::kResourceExhausted, .reason = "R", .limited_by = "y"}, kNow);
  EXPECT_THAT(Reasons(), SizeIs(6));
}

TEST_F(RecentErrorsTest, AnyFailedOrRejectedCallQualifies) {
  errors_.Add({.code = StatusCode::kOk}, kNow);
  errors_.Add({.code = StatusCode::kNotFound, .reason = "RESOURCE_NOT_FOUND"}, kNow);
  EXPECT_THAT(Reasons(), IsEmpty()) << "these are decisions of the API about a run";
  errors_.Add({.authorization = authz::AccessDecision::kDenied,
               .code = StatusCode::kPermissionDenied,
               .reason = "CALLER_NOT_ALLOWED"},
              kNow);
  errors_.Add({.code = StatusCode::kInvalidArgument, .reason = "INVALID_FIELD"}, kNow + seconds(1));
  EXPECT_THAT(Reasons(), ElementsAre("INVALID_FIELD", "CALLER_NOT_ALLOWED"));
}

TEST_F(RecentErrorsTest, LatestCallComesFirst) {
  errors_.Add({.code = StatusCode::kInternal, .reason = "A"}, kNow);
  errors_.Add({.code = StatusCode::kInternal, .reason = "B"}, kNow + seconds(1));
  EXPECT_THAT(Reasons(), ElementsAre("B", "A"));
  errors_.Add({.code = StatusCode::kInternal, .reason = "A"}, kNow + seconds(2));
  EXPECT_THAT(Reasons(), ElementsAre("A", "B"));
}

TEST_F(RecentErrorsTest, ForgetsAGroupThatWasQuietForAnHourAndBeginsItAnew) {
  errors_.Add({.code = StatusCode::kInternal, .reason = "A"}, kNow);
  EXPECT_THAT(Reasons(kNow + minutes(60)), SizeIs(1));
  EXPECT_THAT(Reasons(kNow + minutes(61)), IsEmpty());
  errors_.Add({.code = StatusCode::kInternal, .reason = "A"}, kNow + minutes(62));
  const std::vector<ErrorGroup> groups = errors_.LatestFirst(kNow + minutes(62));
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_EQ(groups[0].count, 1u);
  EXPECT_EQ(groups[0].first, kNow + minutes(62));
}

TEST_F(RecentErrorsTest, NewGroupReplacesTheQuietestOne) {
  for (std::size_t i = 0; i < RecentErrors::kCapacity; ++i) {
    errors_.Add({.code = StatusCode::kInternal, .reason = std::to_string(i)}, kNow + seconds(i));
  }
  errors_.Add({.code = StatusCode::kInternal, .reason = "0"}, kNow + seconds(100));
  errors_.Add({.code = StatusCode::kInternal, .reason = "new"}, kNow + seconds(101));
  const std::vector<std::string> reasons = Reasons(kNow + seconds(101));
  ASSERT_THAT(reasons, SizeIs(RecentErrors::kCapacity));
  EXPECT_EQ(reasons[0], "new");
  EXPECT_EQ(reasons[1], "0");
  EXPECT_EQ(reasons.back(), "2") << "the group 1 was quiet for longest";
}

}  // namespace
}  // namespace evalrun::observability
