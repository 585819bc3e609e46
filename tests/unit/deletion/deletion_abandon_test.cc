// SPDX-License-Identifier: Apache-2.0
//
// A deletion that ends because its deadline passed or its caller cancelled.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/deletion/deletion_testing.h"

namespace evalrun::deletion {
namespace {

using absl::StatusCode;

// One row of Abandon's table.
struct AbandonRow {
  const char* name;
  std::vector<AttemptClassification> attempts;
  bool in_flight;
  Certainty certainty;
  int counted;
};

void PrintTo(const AbandonRow& row, std::ostream* os) { *os << row.name; }

class AbandonTest : public ::testing::TestWithParam<AbandonRow> {};

TEST_P(AbandonTest, Responds) {
  const AbandonRow& row = GetParam();
  for (StatusCode code : {StatusCode::kDeadlineExceeded, StatusCode::kCancelled}) {
    Deletion deletion(RetryPolicy{}, Deletion::Request{});
    for (const AttemptClassification& attempt : row.attempts) {
      deletion.OnAttemptFinished(attempt, RetryHint{}, kAmpleTime, 0.5);
    }
    const Deletion::Response response = deletion.Abandon(code, "WHY_IT_ENDED", row.in_flight);
    EXPECT_EQ(response.code, code);
    EXPECT_EQ(response.reason, "WHY_IT_ENDED");
    EXPECT_EQ(response.certainty, row.certainty);
    EXPECT_EQ(response.attempts, row.counted);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Ends, AbandonTest,
    ::testing::Values(
        AbandonRow{"BeforeAnyAttempt", {}, false, Certainty::kNotPerformed, 0},
        AbandonRow{"DuringTheFirstAttempt", {}, true, Certainty::kUnknown, 1},
        AbandonRow{"AfterARefusal", {ConnectRefused()}, false, Certainty::kNotPerformed, 1},
        AbandonRow{"AfterALostResponse", {Lost()}, false, Certainty::kUnknown, 1},
        AbandonRow{"DuringTheSecondAttemptAfterARefusal",
                   {ConnectRefused()},
                   true,
                   Certainty::kUnknown,
                   2},
        AbandonRow{
            "DuringTheSecondAttemptAfterALostResponse", {Lost()}, true, Certainty::kUnknown, 2},
        AbandonRow{"AfterALostResponseAndARefusal",
                   {Lost(), ConnectRefused()},
                   false,
                   Certainty::kUnknown,
                   2},
        AbandonRow{"AfterARefusalAndALostResponse",
                   {ConnectRefused(), Lost()},
                   false,
                   Certainty::kUnknown,
                   2},
        AbandonRow{"AfterNotReady", {Unavailable()}, false, Certainty::kNotPerformed, 1}),
    [](const auto& param) { return std::string(param.param.name); });

// What the caller's earlier attempt did is unknown.
TEST(AbandonTest, RepeatedCallIsUnknownBeforeAnyAttempt) {
  const Deletion deletion(RetryPolicy{}, {.allow_missing = false, .attempted_before = true});
  const Deletion::Response response =
      deletion.Abandon(StatusCode::kDeadlineExceeded, "WHY_IT_ENDED", false);
  EXPECT_EQ(response.certainty, Certainty::kUnknown);
  EXPECT_EQ(response.attempts, 0);
}

}  // namespace
}  // namespace evalrun::deletion
