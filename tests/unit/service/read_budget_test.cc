#include "service/rpc/read_budget.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "tests/unit/service/tcp_pair.h"

namespace evalrun::service {
namespace {

constexpr int kPatienceMs = 20'000;

// A TCP connection whose receiving end is watched and read as gRPC does it: edge-triggered, 100
// bytes at a time.
class Connection {
 public:
  Connection() {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    EXPECT_EQ(epoll_ctl(poll_, EPOLL_CTL_ADD, pair_.accepted, &event), 0);
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
  void CloseSender() { close(std::exchange(sender_, -1)); }
  void ResetBySender() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(sender_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    CloseSender();
  }

  // Whether there is, or comes, an edge.
  [[nodiscard]] bool IsTold(int patience_ms = kPatienceMs) const {
    epoll_event event{};
    return epoll_wait(poll_, &event, 1, patience_ms) == 1;
  }
  // What one turn gives, until there is nothing more; an error fails.
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
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    return recvmsg(pair_.accepted, &message, 0);
  }

 private:
  const testing::TcpPair pair_ = testing::MakeTcpPair(SOCK_NONBLOCK);
  int sender_ = pair_.connected;
  int poll_ = epoll_create1(0);
};

TEST(ReadBudgetTest, WithoutOneATurnGivesAllThereIs) {
  const Connection connection;
  connection.Send(1000);
  ASSERT_TRUE(connection.IsTold());
  EXPECT_EQ(connection.ReadAll(), 1000);
}

TEST(ReadBudgetTest, ATurnGivesNoMoreThanTheBudgetAndTheRestIsToldAnew) {
  const ReadBudget budget(300);
  const Connection connection;
  connection.Send(1000);
  for (const int expected : {300, 300, 300, 100}) {
    ASSERT_TRUE(connection.IsTold());
    EXPECT_EQ(connection.ReadAll(), expected);
  }
  EXPECT_FALSE(connection.IsTold(0));
}

TEST(ReadBudgetTest, WhatIsSentInSmallPartsIsNotHeldUp) {
  const ReadBudget budget(300);
  const Connection connection;
  for (int i = 0; i < 10; ++i) {
    connection.Send(100);
    ASSERT_TRUE(connection.IsTold());
    EXPECT_EQ(connection.ReadAll(), 100) << "an empty connection ends its turn";
  }
}

// It would not be told again.
TEST(ReadBudgetTest, AnEndBehindTheLastByteOfATurnIsReadAtOnce) {
  const ReadBudget budget(300);
  Connection connection;
  connection.Send(300);
  ASSERT_TRUE(connection.IsTold());
  connection.CloseSender();
  EXPECT_EQ(connection.ReadAll(), 300);
  EXPECT_EQ(connection.ReadOnce(), 0);
}

TEST(ReadBudgetTest, ALossBehindTheLastByteOfATurnIsReadAtOnce) {
  const ReadBudget budget(300);
  Connection connection;
  connection.Send(300);
  ASSERT_TRUE(connection.IsTold());
  for (int i = 0; i < 3; ++i) ASSERT_EQ(connection.ReadOnce(), 100);
  connection.ResetBySender();
  EXPECT_EQ(connection.ReadOnce(), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST(ReadBudgetTest, EachConnectionHasATurnOfItsOwn) {
  const ReadBudget budget(300);
  const Connection one;
  const Connection other;
  one.Send(200);
  other.Send(200);
  ASSERT_TRUE(one.IsTold());
  ASSERT_TRUE(other.IsTold());
  EXPECT_EQ(one.ReadOnce(), 100);
  EXPECT_EQ(one.ReadOnce(), 100);
  EXPECT_EQ(other.ReadOnce(), 100);
  EXPECT_EQ(other.ReadOnce(), 100);
}

TEST(ReadBudgetTest, ItIsOfItsThreadAlone) {
  const ReadBudget budget(300);
  const Connection connection;
  connection.Send(1000);
  ASSERT_TRUE(connection.IsTold());
  std::thread([&] { EXPECT_EQ(connection.ReadAll(), 1000); }).join();
}

TEST(ReadBudgetTest, AfterItsEndATurnGivesAllThereIs) {
  const Connection connection;
  connection.Send(1000);
  ASSERT_TRUE(connection.IsTold());
  {
    const ReadBudget budget(300);
    EXPECT_EQ(connection.ReadAll(), 300);
  }
  EXPECT_EQ(connection.ReadAll(), 700);
}

}  // namespace
}  // namespace evalrun::service
