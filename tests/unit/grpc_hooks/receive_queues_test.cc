// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_hooks/receive_queues.h"

#include <algorithm>
#include <tuple>

#include <gtest/gtest.h>

namespace evalrun::grpc_hooks {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using ReadDecision = ReceiveQueues::ReadDecision;

constexpr milliseconds kMaxWait(100);
constexpr milliseconds kMaxPause(250);
constexpr std::size_t kUnlimitedBytes = 1'000'000'000;  // more than is ever read here

constexpr ConnectionId Id(int socket) {
  return {.socket = socket, .cookie = static_cast<std::uint64_t>(socket) + 1000};
}

class ReceiveQueuesTest : public ::testing::Test {
 protected:
  // A quantum that reads 100 bytes and leaves so many, if it may read. gRPC does not look again
  // when the kernel has said that nothing is left: then the quantum just ends.
  ReadDecision RunQuantum(const ConnectionId& connection, std::size_t left) {
    now_ += nanoseconds(1);
    while (queues_.NextTurn().has_value()) {
    }
    const ReadDecision decision = queues_.DecideRead(connection, now_);
    if (decision == ReadDecision::kRead && left > 0)
      queues_.OnReadQuantumEnd(connection, 100, left, now_);
    return decision;
  }
  // Time in which another connection is never empty, and gets through.
  void AdvanceWhileOthersRead(ReceiveQueues::Time time) {
    const ReceiveQueues::Time end = now_ + time;
    for (;;) {
      ASSERT_EQ(RunQuantum(Id(99), 100), ReadDecision::kRead);
      if (now_ >= end) return;
      now_ = std::min(now_ + kMaxWait / 4, end);
    }
  }
  // Both have much to read, and have waited for as long as they may: `1` is paused from now on.
  void PauseFirstOfTwo() {
    RunQuantum(Id(1), kUnlimitedBytes);
    RunQuantum(Id(2), kUnlimitedBytes);
    now_ += kMaxWait;
    RunQuantum(Id(1), kUnlimitedBytes);
    RunQuantum(Id(2), kUnlimitedBytes);
    ASSERT_EQ(RunQuantum(Id(1), kUnlimitedBytes), ReadDecision::kWait);
  }

  ReceiveQueues queues_{kMaxWait, kMaxPause};
  ReceiveQueues::Time now_ = hours(5);
};

TEST_F(ReceiveQueuesTest, DoesNotTrackFullyReadConnections) {
  EXPECT_EQ(queues_.DecideRead(Id(1), now_), ReadDecision::kRead);
  EXPECT_TRUE(queues_.is_empty());
}

TEST_F(ReceiveQueuesTest, ForgetsEmptyConnections) {
  RunQuantum(Id(1), 50);
  EXPECT_FALSE(queues_.is_empty());
  queues_.OnEmpty(1);
  EXPECT_TRUE(queues_.is_empty());
}

TEST_F(ReceiveQueuesTest, ConnectionWithUnreadBytesWaitsForItsTurn) {
  for (const int socket : {1, 2}) queues_.OnReadQuantumEnd(Id(socket), 100, 50, now_);
  EXPECT_EQ(queues_.DecideRead(Id(1), now_), ReadDecision::kWait);
  EXPECT_EQ(queues_.DecideRead(Id(3), now_), ReadDecision::kRead) << "it has left nothing unread";
  ASSERT_EQ(queues_.NextTurn().value_or(Id(0)).socket, 1);
  EXPECT_EQ(queues_.DecideRead(Id(1), now_), ReadDecision::kRead);
  EXPECT_EQ(queues_.DecideRead(Id(2), now_), ReadDecision::kWait);
  queues_.OnReadQuantumEnd(Id(1), 100, 50, now_);
  EXPECT_EQ(queues_.NextTurn().value_or(Id(0)).socket, 2);
  EXPECT_EQ(queues_.NextTurn().value_or(Id(0)).socket, 1);
  EXPECT_FALSE(queues_.NextTurn().has_value());
}

TEST_F(ReceiveQueuesTest, NoTurnForConnectionsThatDoNotWaitAnyMore) {
  for (const int socket : {1, 2, 3}) queues_.OnReadQuantumEnd(Id(socket), 100, 50, now_);
  queues_.OnEmpty(1);
  const ConnectionId reused = {.socket = 2, .cookie = 7};
  EXPECT_EQ(queues_.DecideRead(reused, now_), ReadDecision::kRead);
  EXPECT_EQ(queues_.NextTurn().value_or(Id(0)).socket, 3);
  EXPECT_FALSE(queues_.has_turns());
}

TEST_F(ReceiveQueuesTest, PausesNoneBeforeMaxWait) {
  RunQuantum(Id(1), kUnlimitedBytes);
  AdvanceWhileOthersRead(kMaxWait - milliseconds(1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(RunQuantum(Id(1), kUnlimitedBytes), ReadDecision::kRead);
    AdvanceWhileOthersRead(nanoseconds(1));
  }
}

TEST_F(ReceiveQueuesTest, PausesAtMaxWait) {
  RunQuantum(Id(1), kUnlimitedBytes);
  const ReceiveQueues::Time marked_at = now_;
  AdvanceWhileOthersRead(kMaxWait / 2);
  now_ = marked_at + kMaxWait - nanoseconds(1);  // a turn takes that
  RunQuantum(Id(1), kUnlimitedBytes);
  AdvanceWhileOthersRead(nanoseconds(1));
  EXPECT_EQ(RunQuantum(Id(1), kUnlimitedBytes), ReadDecision::kWait);
}

TEST_F(ReceiveQueuesTest, PausesHalfAfterMaxWait) {
  constexpr int kConnections = 10;
  for (int i = 0; i < kConnections; ++i) RunQuantum(Id(i), kUnlimitedBytes);
  now_ += kMaxWait;
  for (int i = 0; i < kConnections; ++i)
    EXPECT_EQ(RunQuantum(Id(i), kUnlimitedBytes), ReadDecision::kRead);
  for (int i = 0; i < kConnections; ++i) {
    EXPECT_EQ(RunQuantum(Id(i), kUnlimitedBytes),
              i < kConnections / 2 ? ReadDecision::kWait : ReadDecision::kRead)
        << i;
  }
}

// As in a closed loop of many calls: there is always something left, and none of it waits for long.
TEST_F(ReceiveQueuesTest, DoesNotPauseABusyConnectionThatProgresses) {
  RunQuantum(Id(1), 200);
  for (int i = 0; i < 100; ++i) {
    AdvanceWhileOthersRead(kMaxWait / 4);
    ASSERT_EQ(RunQuantum(Id(1), 200), ReadDecision::kRead) << i;
  }
}

TEST_F(ReceiveQueuesTest, MeasuresTheWaitOfBytesNotConnections) {
  RunQuantum(Id(1), 100);  // read in the next turn, whatever comes behind it
  AdvanceWhileOthersRead(kMaxWait / 2);
  RunQuantum(Id(1), kUnlimitedBytes);
  AdvanceWhileOthersRead(kMaxWait / 2);
  RunQuantum(Id(1), kUnlimitedBytes);
  AdvanceWhileOthersRead(milliseconds(1));
  EXPECT_EQ(RunQuantum(Id(1), kUnlimitedBytes), ReadDecision::kRead)
      << "what came behind it waits since then";
  AdvanceWhileOthersRead(kMaxWait / 2);
  RunQuantum(Id(1), kUnlimitedBytes);
  AdvanceWhileOthersRead(milliseconds(1));
  EXPECT_EQ(RunQuantum(Id(1), kUnlimitedBytes), ReadDecision::kWait);
}

TEST_F(ReceiveQueuesTest, ClosesPausedConnectionAfterMaxPause) {
  PauseFirstOfTwo();
  now_ += kMaxPause - milliseconds(2);
  EXPECT_EQ(RunQuantum(Id(2), kUnlimitedBytes), ReadDecision::kRead);
  EXPECT_EQ(RunQuantum(Id(1), kUnlimitedBytes), ReadDecision::kWait);
  EXPECT_EQ(queues_.ended(), 0);
  now_ += milliseconds(2);
  RunQuantum(Id(2), kUnlimitedBytes);
  EXPECT_EQ(RunQuantum(Id(1), kUnlimitedBytes), ReadDecision::kClose);
  EXPECT_EQ(queues_.ended(), 1);
}

TEST_F(ReceiveQueuesTest, ResumesWhenTheOthersAreDrained) {
  PauseFirstOfTwo();
  EXPECT_EQ(RunQuantum(Id(2), kUnlimitedBytes), ReadDecision::kRead);
  EXPECT_EQ(RunQuantum(Id(2), 0), ReadDecision::kRead);
  EXPECT_EQ(RunQuantum(Id(1), kUnlimitedBytes), ReadDecision::kRead);
  now_ += kMaxWait - milliseconds(1);
  RunQuantum(Id(2), kUnlimitedBytes);
  EXPECT_EQ(RunQuantum(Id(1), kUnlimitedBytes), ReadDecision::kRead);
  EXPECT_EQ(RunQuantum(Id(1), kUnlimitedBytes), ReadDecision::kRead) << "its wait counts anew";
  EXPECT_EQ(queues_.ended(), 0);
}

TEST_F(ReceiveQueuesTest, DrainedConnectionIsNotOverdueLater) {
  RunQuantum(Id(1), kUnlimitedBytes);
  RunQuantum(Id(1), 0);
  AdvanceWhileOthersRead(kMaxWait * 2);
  EXPECT_EQ(RunQuantum(Id(1), kUnlimitedBytes), ReadDecision::kRead);
  AdvanceWhileOthersRead(milliseconds(1));
  EXPECT_EQ(RunQuantum(Id(1), kUnlimitedBytes), ReadDecision::kRead);
}

// All that was left is read in the next turn, but that took too long to come.
TEST_F(ReceiveQueuesTest, CountsALongRoundAsWaiting) {
  RunQuantum(Id(1), 100);
  RunQuantum(Id(2), 100);
  now_ += kMaxWait;
  RunQuantum(Id(1), 100);
  RunQuantum(Id(2), 100);
  EXPECT_EQ(RunQuantum(Id(1), 100), ReadDecision::kWait);
}

TEST_F(ReceiveQueuesTest, ResumesOnePausedConnectionAtATime) {
  for (const int i : {1, 2, 3, 4}) RunQuantum(Id(i), kUnlimitedBytes);
  now_ += kMaxWait;
  for (const int i : {1, 2}) RunQuantum(Id(i), kUnlimitedBytes);
  for (const int i : {3, 4}) RunQuantum(Id(i), 0);
  EXPECT_EQ(RunQuantum(Id(1), kUnlimitedBytes), ReadDecision::kRead);
  EXPECT_EQ(RunQuantum(Id(2), kUnlimitedBytes), ReadDecision::kWait);
}

TEST_F(ReceiveQueuesTest, ResumesASingleConnectionAtOnce) {
  RunQuantum(Id(1), kUnlimitedBytes);
  for (int i = 0; i < 10; ++i) {
    now_ += hours(1);
    EXPECT_EQ(RunQuantum(Id(1), kUnlimitedBytes), ReadDecision::kRead);
  }
}

TEST_F(ReceiveQueuesTest, ConnectionClosedByGrpcDoesNotKeepOthersPaused) {
  PauseFirstOfTwo();
  EXPECT_EQ(RunQuantum(Id(1), kUnlimitedBytes), ReadDecision::kRead)
      << "2 has had no turn since the last one";
}

TEST_F(ReceiveQueuesTest, ErasesConnectionsClosedByGrpc) {
  RunQuantum(Id(1), kUnlimitedBytes);
  now_ += hours(1);
  RunQuantum(Id(2), kUnlimitedBytes);
  queues_.OnEmpty(2);
  EXPECT_TRUE(queues_.is_empty());
}

TEST_F(ReceiveQueuesTest, DoesNotPauseAReusedSocketNumber) {
  PauseFirstOfTwo();
  now_ += kMaxPause;
  RunQuantum(Id(2), kUnlimitedBytes);
  const ConnectionId other = {.socket = 1, .cookie = 7};
  EXPECT_EQ(RunQuantum(other, kUnlimitedBytes), ReadDecision::kRead);
  EXPECT_EQ(queues_.ended(), 0);
}

TEST_F(ReceiveQueuesTest, RoundDoesNotGrowWithTheNumberOfConnections) {
  EXPECT_EQ(queues_.QuantumBytes(4096), 4096u);
  for (int socket = 1; socket <= 5000; ++socket) {
    RunQuantum(Id(socket), kUnlimitedBytes);
    if (socket == 16) {
      EXPECT_EQ(queues_.QuantumBytes(4096), 4096u);
    }
    if (socket == 100) {
      EXPECT_EQ(queues_.QuantumBytes(4096), 655u);
    }
  }
  EXPECT_EQ(queues_.QuantumBytes(4096), 128u) << "a call";
  EXPECT_EQ(queues_.QuantumBytes(100), 100u);
}

TEST_F(ReceiveQueuesTest, ZeroMaxWaitPausesNone) {
  ReceiveQueues queues(milliseconds(0), kMaxPause);
  for (int i = 0; i < 10; ++i) {
    for (const int socket : {1, 2}) {
      std::ignore = queues.NextTurn();
      EXPECT_EQ(queues.DecideRead(Id(socket), now_), ReadDecision::kRead);
      queues.OnReadQuantumEnd(Id(socket), 100, kUnlimitedBytes, now_);
    }
    now_ += hours(1);
  }
  EXPECT_EQ(queues.ended(), 0);
}

}  // namespace
}  // namespace evalrun::grpc_hooks
