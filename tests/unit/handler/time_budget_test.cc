// How a call's time is shared out.
#include "service/handler/time_budget.h"

#include <gtest/gtest.h>

namespace evalrun::handler {
namespace {

using namespace std::chrono_literals;

TEST(AnswerBudgetTest, LessByTheMarginButByAQuarterAtMost) {
  EXPECT_EQ(AnswerBudget(10s, 20ms), 9980ms);
  EXPECT_EQ(AnswerBudget(80ms, 20ms), 60ms);
  EXPECT_EQ(AnswerBudget(40ms, 20ms), 30ms);
  EXPECT_EQ(AnswerBudget(0ms, 20ms), 0ms);
  EXPECT_LT(AnswerBudget(-5s, 20ms), 0ms);
}

TEST(SendBudgetTest, NeverPastTheAnswerNorThePerSendLimit) {
  EXPECT_EQ(SendBudget(10s, 2s), 2s);
  EXPECT_EQ(SendBudget(1s, 2s), 1s);
  EXPECT_EQ(SendBudget(1999us, 2s), 1ms) << "rounded down";
  EXPECT_EQ(SendBudget(999us, 2s), 0ms);
  EXPECT_LT(SendBudget(-1us, 2s), 0ms);
}

}  // namespace
}  // namespace evalrun::handler
