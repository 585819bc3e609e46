#include "service/grpc_hooks/receive_queues.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace evalrun::grpc_hooks {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using Turn = ReceiveQueues::Turn;

constexpr milliseconds kLongestWait(100);
constexpr milliseconds kLongestHold(250);
constexpr std::size_t kMuch = 1'000'000'000;  // more than is ever read here

constexpr ConnectionId Id(int socket) {
  return {.socket = socket, .cookie = static_cast<std::uint64_t>(socket) + 1000};
}

class ReceiveQueuesTest : public ::testing::Test {
 protected:
  // A turn that reads 100 bytes and leaves so many, if it may read. gRPC does not look again when
  // the kernel has said that nothing is left: then the turn just ends.
  Turn TakeTurn(const ConnectionId& connection, std::size_t left) {
    now_ += nanoseconds(1);
    const Turn turn = queues_.OnTurn(connection, now_);
    if (turn == Turn::kRead && left > 0) queues_.OnTurnOver(connection, 100, left, now_);
    return turn;
  }
  // Time in which another connection is never empty, and gets through.
  void PassBesideOthers(ReceiveQueues::Time time) {
    const ReceiveQueues::Time end = now_ + time;
    for (;;) {
      ASSERT_EQ(TakeTurn(Id(99), 100), Turn::kRead);
      if (now_ >= end) return;
      now_ = std::min(now_ + kLongestWait / 4, end);
    }
  }
  // Both have much to read, and have waited for as long as they may: `1` is held from now on.
  void HoldTheFirstOfTwo() {
    TakeTurn(Id(1), kMuch);
    TakeTurn(Id(2), kMuch);
    now_ += kLongestWait;
    TakeTurn(Id(1), kMuch);
    TakeTurn(Id(2), kMuch);
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
  PassBesideOthers(kLongestWait - milliseconds(1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead);
    PassBesideOthers(nanoseconds(1));
  }
}

TEST_F(ReceiveQueuesTest, ItIsHeldAtTheLongestWait) {
  TakeTurn(Id(1), kMuch);
  const ReceiveQueues::Time marked_at = now_;
  PassBesideOthers(kLongestWait / 2);
  now_ = marked_at + kLongestWait - nanoseconds(1);  // a turn takes that
  TakeTurn(Id(1), kMuch);
  PassBesideOthers(nanoseconds(1));
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kHold);
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
  TakeTurn(Id(1), 200);
  for (int i = 0; i < 100; ++i) {
    PassBesideOthers(kLongestWait / 4);
    ASSERT_EQ(TakeTurn(Id(1), 200), Turn::kRead) << i;
  }
}

TEST_F(ReceiveQueuesTest, WhatCountsIsTheWaitOfAByteNotOfTheConnection) {
  TakeTurn(Id(1), 100);  // read in the next turn, whatever comes behind it
  PassBesideOthers(kLongestWait / 2);
  TakeTurn(Id(1), kMuch);
  PassBesideOthers(kLongestWait / 2);
  TakeTurn(Id(1), kMuch);
  PassBesideOthers(milliseconds(1));
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead) << "what came behind it waits since then";
  PassBesideOthers(kLongestWait / 2);
  TakeTurn(Id(1), kMuch);
  PassBesideOthers(milliseconds(1));
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kHold);
}

TEST_F(ReceiveQueuesTest, OneThatIsHeldEndsAfterTheLongestHold) {
  HoldTheFirstOfTwo();
  now_ += kLongestHold - milliseconds(2);
  EXPECT_EQ(TakeTurn(Id(2), kMuch), Turn::kRead);
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kHold);
  EXPECT_EQ(queues_.ended(), 0);
  now_ += milliseconds(2);
  TakeTurn(Id(2), kMuch);
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kEnd);
  EXPECT_EQ(queues_.ended(), 1);
}

TEST_F(ReceiveQueuesTest, OneThatIsHeldGoesOnWhenTheOthersHaveGotThrough) {
  HoldTheFirstOfTwo();
  EXPECT_EQ(TakeTurn(Id(2), kMuch), Turn::kRead);
  EXPECT_EQ(TakeTurn(Id(2), 0), Turn::kRead);
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead);
  now_ += kLongestWait - milliseconds(1);
  TakeTurn(Id(2), kMuch);
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead);
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead) << "its wait counts anew";
  EXPECT_EQ(queues_.ended(), 0);
}

TEST_F(ReceiveQueuesTest, OneThatHasGotThroughIsNotOverdueLater) {
  TakeTurn(Id(1), kMuch);
  TakeTurn(Id(1), 0);
  PassBesideOthers(kLongestWait * 2);
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead);
  PassBesideOthers(milliseconds(1));
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead);
}

// All that was left is read in the next turn, but that took too long to come.
TEST_F(ReceiveQueuesTest, ARoundOfTurnsThatTakesTooLongIsAWaitLikeAnyOther) {
  TakeTurn(Id(1), 100);
  TakeTurn(Id(2), 100);
  now_ += kLongestWait;
  TakeTurn(Id(1), 100);
  TakeTurn(Id(2), 100);
  EXPECT_EQ(TakeTurn(Id(1), 100), Turn::kHold);
}

TEST_F(ReceiveQueuesTest, OfThoseThatAreHeldOneAtATimeGoesOn) {
  for (const int i : {1, 2, 3, 4}) TakeTurn(Id(i), kMuch);
  now_ += kLongestWait;
  for (const int i : {1, 2}) TakeTurn(Id(i), kMuch);
  for (const int i : {3, 4}) TakeTurn(Id(i), 0);
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
  EXPECT_EQ(TakeTurn(Id(1), kMuch), Turn::kRead) << "2 has had no turn since the last one";
}

TEST_F(ReceiveQueuesTest, OnesThatGrpcHasClosedAreForgotten) {
  TakeTurn(Id(1), kMuch);
  now_ += hours(1);
  TakeTurn(Id(2), kMuch);
  queues_.OnEmpty(2);
  EXPECT_TRUE(queues_.is_empty());
}

TEST_F(ReceiveQueuesTest, AnotherConnectionWithTheSameNumberIsNotHeld) {
  HoldTheFirstOfTwo();
  now_ += kLongestHold;
  TakeTurn(Id(2), kMuch);
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
}  // namespace evalrun::grpc_hooks
