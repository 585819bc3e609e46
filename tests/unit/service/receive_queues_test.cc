#include "service/rpc/receive_queues.h"

#include <gtest/gtest.h>

namespace evalrun::service {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using Turn = ReceiveQueues::Turn;

constexpr milliseconds kLongestWait(100);
constexpr milliseconds kLongestHold(250);
constexpr std::size_t kMuch = 1'000'000'000;  // more than is ever read here

constexpr ConnectionId Id(int socket) {
  return {.socket = socket, .cookie = static_cast<std::uint64_t>(socket) + 1000};
}

class ReceiveQueuesTest : public ::testing::Test {
 protected:
  // A turn that reads 100 bytes and leaves so many, if it may read.
  Turn TakeTurn(const ConnectionId& connection, std::size_t left) {
    const Turn turn = queues_.OnTurn(connection, now_);
    if (turn == Turn::kRead) queues_.OnTurnOver(connection, 100, left, now_);
    return turn;
  }
  // Both have much to read, and have waited for as long as they may: `1` is held from now on.
  void HoldTheFirstOfTwo() {
    TakeTurn(Id(1), kMuch);
    TakeTurn(Id(2), kMuch);
    now_ += kLongestWait;
    TakeTurn(Id(1), kMuch);
    ASSERT_EQ(TakeTurn(Id(1), kMuch), Turn::kHold);
  }

  ReceiveQueues queues_{kLongestWait, kLongestHold};
  ReceiveQueues::Time now_ = hours(5);
};

TEST_F(ReceiveQueuesTest, OneThatLeavesNothingIsNotKnown) {
  EXPECT_EQ(queues_.OnTurn(Id(1), now_), Turn::kRead);
  EXPECT_TRUE(queues_.is_empty());
}

TEST_F(ReceiveQueuesTest, OneThatIsEmptyIsNoLongerKnown) {
  TakeTurn(Id(1), 50);
  EXPECT_FALSE(queues_.is_empty());
  queues_.OnEmpty(1);
  EXPECT_TRUE(queues_.is_empty());
}

TEST_F(ReceiveQueuesTest, NoneIsHeldBeforeTheLongestWait) {
  TakeTurn(Id(1), kMuch);
  TakeTurn(Id(2), kMuch);
  now_ += kLongestWait - milliseconds(1);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead);
    EXPECT_EQ(TakeTurn(Id(2), kMuch), Turn::kRead);
  }
}

TEST_F(ReceiveQueuesTest, AfterTheLongestWaitHalfAreHeld) {
  constexpr int kConnections = 10;
  for (int i = 0; i < kConnections; ++i) TakeTurn(Id(i), kMuch);
  now_ += kLongestWait;
  for (int i = 0; i < kConnections; ++i) EXPECT_EQ(TakeTurn(Id(i), kMuch), Turn::kRead);
  for (int i = 0; i < kConnections; ++i) {
    EXPECT_EQ(TakeTurn(Id(i), kMuch), i < kConnections / 2 ? Turn::kHold : Turn::kRead) << i;
  }
}

// As in a closed loop of many calls: there is always something left, and none of it waits for long.
TEST_F(ReceiveQueuesTest, OneThatIsNeverEmptyButGetsThroughIsNotHeld) {
  TakeTurn(Id(2), kMuch);
  for (int i = 0; i < 1000; ++i) {
    now_ += kLongestWait / 2;
    ASSERT_EQ(TakeTurn(Id(1), 200), Turn::kRead) << i;
  }
}

TEST_F(ReceiveQueuesTest, WhatCountsIsTheWaitOfAByteNotOfTheConnection) {
  TakeTurn(Id(2), kMuch);
  TakeTurn(Id(1), 100);  // read in the next turn, whatever comes behind it
  now_ += kLongestWait;
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead);
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead) << "what came behind it waits since then";
  now_ += kLongestWait;
  TakeTurn(Id(1), kMuch);
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kHold);
}

TEST_F(ReceiveQueuesTest, OneThatIsHeldEndsAfterTheLongestHold) {
  HoldTheFirstOfTwo();
  now_ += kLongestHold - milliseconds(1);
  EXPECT_EQ(TakeTurn(Id(2), kMuch), Turn::kRead);
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kHold);
  EXPECT_EQ(queues_.ended(), 0);
  now_ += milliseconds(1);
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kEnd);
  EXPECT_EQ(queues_.ended(), 1);
}

TEST_F(ReceiveQueuesTest, OneThatIsHeldGoesOnWhenTheOthersHaveGotThrough) {
  HoldTheFirstOfTwo();
  queues_.OnEmpty(2);
  now_ += kLongestHold;
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead);
  now_ += kLongestWait - milliseconds(1);
  TakeTurn(Id(2), kMuch);
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead) << "its wait counts anew";
  EXPECT_EQ(queues_.ended(), 0);
}

TEST_F(ReceiveQueuesTest, OfThoseThatAreHeldOneAtATimeGoesOn) {
  for (const int i : {1, 2, 3, 4}) TakeTurn(Id(i), kMuch);
  now_ += kLongestWait;
  for (const int i : {1, 2}) TakeTurn(Id(i), kMuch);
  for (const int i : {3, 4}) queues_.OnEmpty(i);
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead);
  EXPECT_EQ(TakeTurn(Id(2), kMuch), Turn::kHold);
}

TEST_F(ReceiveQueuesTest, AloneNoneIsHeldForLong) {
  TakeTurn(Id(1), kMuch);
  for (int i = 0; i < 10; ++i) {
    now_ += hours(1);
    EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead);
  }
}

TEST_F(ReceiveQueuesTest, OneThatGrpcHasClosedDoesNotKeepOthersHeld) {
  HoldTheFirstOfTwo();
  now_ += kLongestHold - milliseconds(1);
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kHold);
  now_ += hours(1);
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead) << "2 has had no turn for an hour";
}

TEST_F(ReceiveQueuesTest, AnotherConnectionWithTheSameNumberIsNotHeld) {
  HoldTheFirstOfTwo();
  now_ += kLongestHold;
  const ConnectionId other = {.socket = 1, .cookie = 7};
  EXPECT_EQ(TakeTurn(other, kMuch), Turn::kRead);
  EXPECT_EQ(queues_.ended(), 0);
}

TEST_F(ReceiveQueuesTest, ALongestWaitOfZeroHoldsNone) {
  ReceiveQueues queues(milliseconds(0), kLongestHold);
  for (int i = 0; i < 10; ++i) {
    for (const int socket : {1, 2}) {
      EXPECT_EQ(queues.OnTurn(Id(socket), now_), Turn::kRead);
      queues.OnTurnOver(Id(socket), 100, kMuch, now_);
    }
    now_ += hours(1);
  }
  EXPECT_TRUE(queues.is_empty());
}

}  // namespace
}  // namespace evalrun::service
