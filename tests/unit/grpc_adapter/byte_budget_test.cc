// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/byte_budget.h"

#include <gtest/gtest.h>

namespace evalrun::grpc_adapter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr ByteBudget::TimePoint kStart{seconds(1000)};

TEST(ByteBudgetTest, CountsWhatNoCallAccountsFor) {
  ByteBudget budget(kStart);
  EXPECT_EQ(budget.Update(/*read=*/1000, /*credit=*/0, kStart), 1000U);
  EXPECT_EQ(budget.Update(/*read=*/5000, /*credit=*/3000, kStart), 2000U);
}

TEST(ByteBudgetTest, FewerBytesThanBeforeAreNone) {
  ByteBudget budget(kStart);
  EXPECT_EQ(budget.Update(/*read=*/1000, /*credit=*/0, kStart), 1000U);
  EXPECT_EQ(budget.Update(/*read=*/600, /*credit=*/0, kStart), 1000U);
  EXPECT_EQ(budget.Update(/*read=*/1200, /*credit=*/0, kStart), 1200U);
  EXPECT_EQ(budget.Update(/*read=*/600, /*credit=*/1200, kStart), 0U);
}

TEST(ByteBudgetTest, CreditIsNotSavedUp) {
  ByteBudget budget(kStart);
  EXPECT_EQ(budget.Update(/*read=*/1000, /*credit=*/1'000'000, kStart), 0U);
  EXPECT_EQ(budget.Update(/*read=*/51'000, /*credit=*/1'000'000, kStart), 50'000U);
}

TEST(ByteBudgetTest, AllowsPingsOfAClientWithoutCalls) {
  ByteBudget budget(kStart);
  EXPECT_EQ(budget.Update(/*read=*/6400, /*credit=*/0, kStart + seconds(50)), 3200U);
  EXPECT_EQ(budget.Update(/*read=*/6400, /*credit=*/0, kStart + seconds(100)), 0U);
}

TEST(ByteBudgetTest, AllowsForTimeThatIsShorterThanItsUnit) {
  ByteBudget budget(kStart);
  constexpr std::chrono::microseconds kStep{500};
  for (int i = 1; i <= 2000; ++i) budget.Update(/*read=*/1064, /*credit=*/0, kStart + i * kStep);
  EXPECT_LE(budget.Update(/*read=*/1064, /*credit=*/0, kStart + seconds(1)), 1064U);
}

// A call takes a few hundred bytes. A client that keeps one call open while others come and go must
// not be able to hide much behind each of them.
TEST(ByteBudgetTest, CallsEarnLittleWhileAMessageIsMissing) {
  EXPECT_GE(CallCredit(/*message_bytes=*/40, /*messages_missing=*/0), 4096U);
  EXPECT_EQ(CallCredit(/*message_bytes=*/40, /*messages_missing=*/1), 424U);
  EXPECT_EQ(CallCredit(/*message_bytes=*/60'000, /*messages_missing=*/1), 60'384U);
}

}  // namespace
}  // namespace evalrun::grpc_adapter
