// SPDX-License-Identifier: Apache-2.0
//
// The definition of a failed call, on which the availability objective, the alerts, the dashboard
// and the page rest.
#include "service/observability/call_failure.h"

#include <gtest/gtest.h>

#include "service/observability/status_code_name.h"

namespace evalrun::observability {
namespace {

using absl::StatusCode;
using authz::AccessDecision;

TEST(IsFailureTest, GoesByTheCode) {
  for (const StatusCode code :
       {StatusCode::kUnknown, StatusCode::kDeadlineExceeded, StatusCode::kUnimplemented,
        StatusCode::kInternal, StatusCode::kUnavailable, StatusCode::kDataLoss,
        StatusCode::kUnauthenticated}) {
    EXPECT_TRUE(IsFailure({.code = code})) << StatusCodeName(code);
  }
  for (const StatusCode code :
       {StatusCode::kOk, StatusCode::kCancelled, StatusCode::kInvalidArgument,
        StatusCode::kNotFound, StatusCode::kAlreadyExists, StatusCode::kFailedPrecondition,
        StatusCode::kAborted, StatusCode::kOutOfRange}) {
    EXPECT_FALSE(IsFailure({.code = code})) << StatusCodeName(code);
  }
}

TEST(IsFailureTest, A404ThatIsNotTheApisOwn) {
  EXPECT_TRUE(IsFailure({.code = StatusCode::kUnavailable, .reason = "UPSTREAM_UNRECOGNIZED_404"}));
}

TEST(IsFailureTest, PermissionDeniedByTheApiButNotByThePolicy) {
  for (const AccessDecision decision :
       {AccessDecision::kNone, AccessDecision::kAllowed, AccessDecision::kDryRunDenied}) {
    EXPECT_TRUE(IsFailure({.authorization = decision, .code = StatusCode::kPermissionDenied}))
        << AccessDecisionName(decision);
  }
  EXPECT_FALSE(
      IsFailure({.authorization = AccessDecision::kDenied, .code = StatusCode::kPermissionDenied}));
}

TEST(IsFailureTest, ResourceExhaustedUnlessItIsTheCallersOwnLimit) {
  EXPECT_TRUE(IsFailure({.code = StatusCode::kResourceExhausted, .reason = "IN_FLIGHT_CAP"}));
  EXPECT_TRUE(IsFailure({.code = StatusCode::kResourceExhausted, .would_be_limited_by = "l"}));
  EXPECT_FALSE(IsFailure({.code = StatusCode::kResourceExhausted, .limited_by = "l"}));
}

TEST(CanBeFailureTest, HoldsForEveryFailure) {
  for (int i = 0; i < static_cast<int>(kStatusCodeCount); ++i) {
    const auto code = static_cast<StatusCode>(i);
    EXPECT_EQ(CanBeFailure(code), IsFailure({.code = code})) << StatusCodeName(code);
  }
}

}  // namespace
}  // namespace evalrun::observability
