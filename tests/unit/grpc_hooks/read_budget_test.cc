// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_hooks/read_budget.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <semaphore>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "service/grpc_hooks/accepted_sockets.h"
#include "tests/unit/grpc_hooks/tcp_pair.h"

namespace evalrun::grpc_hooks {
namespace {

constexpr int kTimeoutMs = 20'000;

// A TCP connection whose receiving end is watched and read as gRPC does it: edge-triggered, 100
// bytes at a time.
class Connection {
 public:
  Connection() {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    EXPECT_EQ(epoll_ctl(poll_, EPOLL_CTL_ADD, pair_.accepted, &event), 0);
    AcceptedSockets::Add(pair_.accepted);
  }
  ~Connection() {
    CloseSender();
    close(pair_.accepted);
    close(poll_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Send(std::size_t bytes) const {
    const std::string text(bytes, 'x');
    EXPECT_EQ(send(sender_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes));
  }
  [[nodiscard]] int fd() const { return pair_.accepted; }
  void CloseSender() { close(std::exchange(sender_, -1)); }
  void ResetBySender() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(sender_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    CloseSender();
  }

  // Whether there is, or comes, an edge. Asking begins a round.
  [[nodiscard]] bool WaitForEdge(int patience_ms = kTimeoutMs) const {
    ReadBudget::BeginPollRound();
    return HasEdge(patience_ms);
  }
  [[nodiscard]] bool HasEdge(int patience_ms = 0) const {
    epoll_event event{};
    return epoll_wait(poll_, &event, 1, patience_ms) == 1;
  }
  // What one quantum reads, until nothing is left; an error fails.
  [[nodiscard]] ssize_t ReadAll() const {
    ssize_t all = 0;
    for (;;) {
      const ssize_t size = ReadOnce();
      if (size <= 0) {
        EXPECT_TRUE(size == 0 || errno == EAGAIN) << errno;
        return all;
      }
      all += size;
    }
  }
  [[nodiscard]] ssize_t ReadOnce() const {
    std::array<char, 100> buffer;
    iovec part{buffer.data(), buffer.size()};
    return ReadInto(std::span(&part, 1));
  }
  [[nodiscard]] ssize_t ReadErrors() const {
    msghdr message{};
    return recvmsg(pair_.accepted, &message, MSG_ERRQUEUE);
  }
  [[nodiscard]] ssize_t ReadInto(std::span<iovec> parts) const {
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t size = recvmsg(pair_.accepted, &message, 0);
    EXPECT_EQ(message.msg_iovlen, parts.size());
    return size;
  }

 private:
  const TcpPair pair_ = MakeTcpPair(SOCK_NONBLOCK);
  int sender_ = pair_.connected;
  int poll_ = epoll_create1(0);
};

class ReadBudgetTest : public ::testing::Test {
 protected:
  ReceiveQueues queues_{std::chrono::hours(1)};
};

TEST_F(ReadBudgetTest, ReadsEverythingWithoutABudget) {
  const Connection connection;
  connection.Send(1000);
  ASSERT_TRUE(connection.WaitForEdge());
  EXPECT_EQ(connection.ReadAll(), 1000);
}

TEST_F(ReadBudgetTest, LimitsEachQuantumAndRearmsEpollForTheRest) {
  const ReadBudget budget(300, &queues_);
  const Connection connection;
  connection.Send(1000);
  for (const int expected : {300, 300, 300, 100}) {
    ASSERT_TRUE(connection.WaitForEdge());
    EXPECT_EQ(connection.ReadAll(), expected);
  }
  EXPECT_FALSE(connection.WaitForEdge(0));
  EXPECT_TRUE(queues_.is_empty());
}

// gRPC asks again at once when the kernel has said how much is left.
TEST_F(ReadBudgetTest, ReturnsEagainForTheRestOfTheRound) {
  const ReadBudget budget(300, &queues_);
  const Connection connection;
  connection.Send(1000);
  ASSERT_TRUE(connection.WaitForEdge());
  EXPECT_EQ(connection.ReadAll(), 300);
  EXPECT_EQ(connection.ReadAll(), 0);
  EXPECT_EQ(connection.ReadAll(), 0);
  ReadBudget::BeginPollRound();
  EXPECT_EQ(connection.ReadAll(), 300);
}

TEST_F(ReadBudgetTest, ReadingTheLastByteIsNotEndOfStream) {
  const ReadBudget budget(300, &queues_);
  const Connection connection;
  connection.Send(300);
  ASSERT_TRUE(connection.WaitForEdge());
  for (int i = 0; i < 3; ++i) ASSERT_EQ(connection.ReadOnce(), 100);
  EXPECT_EQ(connection.ReadOnce(), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(ReadBudgetTest, LimitsASingleRead) {
  const ReadBudget budget(300, &queues_);
  const Connection connection;
  connection.Send(1000);
  ASSERT_TRUE(connection.WaitForEdge());
  std::array<char, 900> buffer;
  const auto parts_of = [&](std::size_t size) {
    return std::array{iovec{buffer.data(), size}, iovec{buffer.data() + size, size},
                      iovec{buffer.data() + 2 * size, size}};
  };
  for (const std::size_t size : {200, 100, 300}) {
    std::array parts = parts_of(size);
    ReadBudget::BeginPollRound();
    EXPECT_EQ(connection.ReadInto(parts), 300) << "into parts of " << size;
    for (const iovec& part : parts) EXPECT_EQ(part.iov_len, size) << "the caller's is as it was";
  }
}

TEST_F(ReadBudgetTest, DoesNotDelaySmallWrites) {
  const ReadBudget budget(300, &queues_);
  const Connection connection;
  for (int i = 0; i < 10; ++i) {
    connection.Send(100);
    ASSERT_TRUE(connection.WaitForEdge());
    EXPECT_EQ(connection.ReadAll(), 100) << "an empty connection ends its quantum";
  }
}

// It would not be told again.
TEST_F(ReadBudgetTest, ReadsEndOfStreamAfterTheQuantumAtOnce) {
  const ReadBudget budget(300, &queues_);
  Connection connection;
  connection.Send(300);
  ASSERT_TRUE(connection.WaitForEdge());
  connection.CloseSender();
  EXPECT_EQ(connection.ReadAll(), 300);
  EXPECT_EQ(connection.ReadOnce(), 0);
}

TEST_F(ReadBudgetTest, ReadsConnectionResetAfterTheQuantumAtOnce) {
  const ReadBudget budget(300, &queues_);
  Connection connection;
  connection.Send(300);
  ASSERT_TRUE(connection.WaitForEdge());
  for (int i = 0; i < 3; ++i) ASSERT_EQ(connection.ReadOnce(), 100);
  connection.ResetBySender();
  EXPECT_EQ(connection.ReadOnce(), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST_F(ReadBudgetTest, GivesEachConnectionItsOwnQuantum) {
  const ReadBudget budget(300, &queues_);
  const Connection one;
  const Connection other;
  one.Send(200);
  other.Send(200);
  ASSERT_TRUE(one.WaitForEdge());
  ASSERT_TRUE(other.WaitForEdge());
  EXPECT_EQ(one.ReadOnce(), 100);
  EXPECT_EQ(one.ReadOnce(), 100);
  EXPECT_EQ(other.ReadOnce(), 100);
  EXPECT_EQ(other.ReadOnce(), 100);
}

TEST_F(ReadBudgetTest, QuantumIsSmallerWhenManyConnectionsWait) {
  for (int socket = 1001; socket <= 1032; ++socket) {
    queues_.OnReadQuantumEnd({.socket = socket}, 100, 1, std::chrono::hours(1));
  }
  const ReadBudget budget(400, &queues_);
  const Connection connection;
  connection.Send(400);
  for (const int expected : {200, 193, 7}) {  // it waits itself after the first
    ASSERT_TRUE(connection.WaitForEdge());
    EXPECT_EQ(connection.ReadAll(), expected);
  }
}

// What a caller with few calls waits for: one round.
TEST_F(ReadBudgetTest, SixteenConnectionsReadTheirRestInARound) {
  const ReadBudget budget(300, &queues_);
  std::array<Connection, 17> busy;
  for (const Connection& connection : busy) {
    connection.Send(1000);
    ASSERT_TRUE(connection.HasEdge(kTimeoutMs));
    EXPECT_EQ(connection.ReadAll(), 300);
  }
  EXPECT_TRUE(ReadBudget::BeginPollRound()) << "one more waits";
  for (std::size_t i = 0; i < 16; ++i) EXPECT_TRUE(busy.at(i).HasEdge()) << i;
  EXPECT_FALSE(busy[16].HasEdge());
  busy[16].Send(1);
  EXPECT_FALSE(busy[16].HasEdge()) << "what arrives is not reported";
  EXPECT_EQ(busy[16].ReadAll(), 0) << "it is not its turn";

  const Connection light;
  light.Send(100);
  ASSERT_TRUE(light.HasEdge(kTimeoutMs));
  EXPECT_EQ(light.ReadAll(), 100);

  EXPECT_FALSE(ReadBudget::BeginPollRound());
  EXPECT_TRUE(busy[16].HasEdge());
  EXPECT_GT(busy[16].ReadAll(), 0);
}

TEST_F(ReadBudgetTest, EndOfStreamWhileItWaitsIsReadInItsTurn) {
  const ReadBudget budget(300, &queues_);
  Connection connection;
  connection.Send(400);
  ASSERT_TRUE(connection.HasEdge(kTimeoutMs));
  EXPECT_EQ(connection.ReadAll(), 300);
  connection.CloseSender();
  ASSERT_TRUE(connection.HasEdge(kTimeoutMs));
  EXPECT_EQ(connection.ReadAll(), 0);
  EXPECT_EQ(errno, EAGAIN);
  ASSERT_TRUE(connection.WaitForEdge());
  EXPECT_EQ(connection.ReadAll(), 100);
  EXPECT_EQ(connection.ReadOnce(), 0);
}

TEST_F(ReadBudgetTest, WaitingConnectionIsReportedWhenTheBudgetEnds) {
  const Connection connection;
  connection.Send(1000);
  ASSERT_TRUE(connection.HasEdge(kTimeoutMs));
  {
    const ReadBudget budget(300, &queues_);
    EXPECT_EQ(connection.ReadAll(), 300);
    EXPECT_FALSE(connection.HasEdge());
  }
  EXPECT_TRUE(connection.HasEdge());
}

// Of two that wait for too long one is paused, and its event is reported again until it ends.
TEST_F(ReadBudgetTest, PausedConnectionReadsNothingThenEndOfStream) {
  ReceiveQueues impatient(std::chrono::nanoseconds(1), std::chrono::nanoseconds(1));
  const ReadBudget budget(300, &impatient);
  const Connection one;
  const Connection other;
  one.Send(2000);
  other.Send(2000);
  for (const Connection* connection : {&one, &other, &one, &other}) {
    ASSERT_TRUE(connection->WaitForEdge());
    EXPECT_EQ(connection->ReadAll(), 300);
  }
  ASSERT_TRUE(one.WaitForEdge());
  EXPECT_EQ(one.ReadErrors(), -1) << "gRPC looks there, too, and not for the end";
  EXPECT_EQ(one.ReadOnce(), 0) << "paused in its second turn; the time has passed in its third";
  ASSERT_TRUE(other.WaitForEdge());
  EXPECT_EQ(other.ReadAll(), 300);
  EXPECT_EQ(impatient.ended(), 1);
}

TEST_F(ReadBudgetTest, RearmsEpollWhilePaused) {
  ReceiveQueues patient(std::chrono::nanoseconds(1), std::chrono::hours(1));
  const ReadBudget budget(300, &patient);
  const Connection one;
  const Connection other;
  one.Send(2000);
  other.Send(2000);
  for (const Connection* connection : {&one, &other, &one}) {
    ASSERT_TRUE(connection->WaitForEdge());
    EXPECT_EQ(connection->ReadAll(), 300);
  }
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(other.WaitForEdge());
    EXPECT_EQ(other.ReadAll(), 300);
    ASSERT_TRUE(one.WaitForEdge());
    EXPECT_EQ(one.ReadAll(), 0);
    EXPECT_EQ(one.ReadAll(), 0);
  }
}

TEST_F(ReadBudgetTest, DistinguishesConnectionsWithAReusedSocketNumber) {
  ReceiveQueues impatient(std::chrono::nanoseconds(1), std::chrono::nanoseconds(1));
  const ReadBudget budget(300, &impatient);
  const Connection other;
  other.Send(2000);
  ASSERT_TRUE(other.WaitForEdge());
  EXPECT_EQ(other.ReadAll(), 300);
  int number = -1;
  {
    const Connection paused;
    number = paused.fd();
    paused.Send(2000);
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(paused.WaitForEdge());
      EXPECT_EQ(paused.ReadAll(), 300);
    }
  }
  const Connection next;
  ASSERT_EQ(next.fd(), number);
  next.Send(1000);
  ASSERT_TRUE(next.WaitForEdge());
  EXPECT_EQ(next.ReadAll(), 300);
}

// gRPC reads on one of its own threads when two have met at a connection. That one never asks the
// poller.
TEST_F(ReadBudgetTest, LimitsReadsOnOtherThreads) {
  const ReadBudget budget(300, &queues_);
  const Connection connection;
  connection.Send(1000);
  std::binary_semaphore told(0);
  std::binary_semaphore read(0);
  std::thread other([&] {
    for (const int expected : {300, 300, 300, 100}) {
      told.acquire();
      EXPECT_EQ(connection.ReadAll(), expected);
      EXPECT_EQ(connection.ReadAll(), 0);
      read.release();
    }
  });
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(connection.WaitForEdge());
    told.release();
    read.acquire();
  }
  other.join();
  EXPECT_TRUE(queues_.is_empty()) << "what they read is not told of";
}

// An event that gRPC's poller has not handled yet may be one for the same connection.
TEST_F(ReadBudgetTest, RearmsEpollForEachReadOnAnotherThread) {
  const ReadBudget budget(300, &queues_);
  const Connection connection;
  connection.Send(1000);
  std::thread([&] {
    for (const int expected : {300, 0, 0}) {
      EXPECT_TRUE(connection.HasEdge(kTimeoutMs));
      EXPECT_EQ(connection.ReadAll(), expected);
    }
  }).join();
  EXPECT_TRUE(connection.HasEdge());
}

TEST_F(ReadBudgetTest, ReadsEverythingAfterTheBudgetEnds) {
  const Connection connection;
  connection.Send(1000);
  ASSERT_TRUE(connection.WaitForEdge());
  {
    const ReadBudget budget(300, &queues_);
    EXPECT_EQ(connection.ReadAll(), 300);
  }
  EXPECT_EQ(connection.ReadAll(), 700);
}

}  // namespace
}  // namespace evalrun::grpc_hooks
