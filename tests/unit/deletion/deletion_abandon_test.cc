// A deletion that ends for a reason of ours: its time was over, or its caller went away.
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
  std::vector<AttemptClassification> sends;
  bool in_flight;
  Certainty certainty;
  int counted;
};

void PrintTo(const AbandonRow& row, std::ostream* os) { *os << row.name; }

class AbandonTest : public ::testing::TestWithParam<AbandonRow> {};

TEST_P(AbandonTest, Answers) {
  const AbandonRow& row = GetParam();
  for (StatusCode code : {StatusCode::kDeadlineExceeded, StatusCode::kCancelled}) {
    Deletion deletion(RetryPolicy{}, Deletion::Request{});
    for (const AttemptClassification& send : row.sends) {
      deletion.OnAttemptFinished(send, RetryHint{}, kAmpleTime, 0.5);
    }
    const Deletion::Response answer = deletion.Abandon(code, "WHY_IT_ENDED", row.in_flight);
    EXPECT_EQ(answer.code, code);
    EXPECT_EQ(answer.reason, "WHY_IT_ENDED");
    EXPECT_EQ(answer.certainty, row.certainty);
    EXPECT_EQ(answer.sends, row.counted);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Ends, AbandonTest,
    ::testing::Values(
        AbandonRow{"BeforeAnySend", {}, false, Certainty::kNotPerformed, 0},
        AbandonRow{"InTheFirstSend", {}, true, Certainty::kUnknown, 1},
        AbandonRow{"AfterARefusal", {ConnectRefused()}, false, Certainty::kNotPerformed, 1},
        AbandonRow{"AfterALostAnswer", {Lost()}, false, Certainty::kUnknown, 1},
        AbandonRow{
            "InTheSecondSendAfterARefusal", {ConnectRefused()}, true, Certainty::kUnknown, 2},
        AbandonRow{"InTheSecondSendAfterALostAnswer", {Lost()}, true, Certainty::kUnknown, 2},
        AbandonRow{"AfterALostAnswerAndARefusal",
                   {Lost(), ConnectRefused()},
                   false,
                   Certainty::kUnknown,
                   2},
        AbandonRow{"AfterARefusalAndALostAnswer",
                   {ConnectRefused(), Lost()},
                   false,
                   Certainty::kUnknown,
                   2},
        AbandonRow{"AfterNotReady", {Unavailable()}, false, Certainty::kNotPerformed, 1}),
    [](const auto& param) { return std::string(param.param.name); });

// What the caller's earlier attempt did stays open.
TEST(AbandonTest, RepeatedCallIsUnknownBeforeAnyAttempt) {
  const Deletion deletion(RetryPolicy{}, {.allow_missing = false, .attempted_before = true});
  const Deletion::Response answer =
      deletion.Abandon(StatusCode::kDeadlineExceeded, "WHY_IT_ENDED", false);
  EXPECT_EQ(answer.certainty, Certainty::kUnknown);
  EXPECT_EQ(answer.sends, 0);
}

}  // namespace
}  // namespace evalrun::deletion
