// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_hooks/write_batch.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "service/grpc_hooks/accepted_sockets.h"
#include "tests/unit/grpc_hooks/tcp_pair.h"

namespace evalrun::grpc_hooks {
namespace {

// Two ends of a TCP connection. The sender is set up as gRPC sets up its sockets.
class Connection {
 public:
  Connection() {
    const int on = 1;
    setsockopt(sender_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    AcceptedSockets::Add(sender_);
  }
  ~Connection() {
    CloseSender();
    close(pair_.connected);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // As gRPC sends.
  void Send(std::string text) const {
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    EXPECT_EQ(sendmsg(sender_, &message, MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  void CloseSender() { close(std::exchange(sender_, -1)); }

  // Bytes that were given to the kernel and have not left it.
  [[nodiscard]] int Held() const {
    int bytes = -1;
    EXPECT_EQ(ioctl(sender_, SIOCOUTQNSD, &bytes), 0);
    return bytes;
  }
  // What one look finds, waiting for it.
  [[nodiscard]] std::string Receive() const {
    std::array<char, 100> buffer;
    const ssize_t size = recv(pair_.connected, buffer.data(), buffer.size(), 0);
    return size < 0 ? "error" : std::string(buffer.data(), static_cast<size_t>(size));
  }

 private:
  const TcpPair pair_ = MakeTcpPair();
  int sender_ = pair_.accepted;
};

TEST(WriteBatchTest, SendsAtOnceWithoutABatch) {
  const Connection connection;
  connection.Send("a");
  EXPECT_EQ(connection.Held(), 0);
}

TEST(WriteBatchTest, SendsTogetherWhenTheBatchEnds) {
  const Connection connection;
  const Connection other;
  {
    const WriteBatch batch;
    connection.Send("a");
    other.Send("x");
    connection.Send("b");
    EXPECT_EQ(connection.Held(), 2);
    EXPECT_EQ(other.Held(), 1);
  }
  EXPECT_EQ(connection.Held(), 0);
  EXPECT_EQ(connection.Receive(), "ab");
  EXPECT_EQ(other.Receive(), "x");
}

TEST(WriteBatchTest, SendsAtOnceAfterTheBatch) {
  const Connection connection;
  { const WriteBatch batch; }
  connection.Send("a");
  EXPECT_EQ(connection.Held(), 0);
}

TEST(WriteBatchTest, AffectsOnlyItsOwnThread) {
  const Connection connection;
  const WriteBatch batch;
  std::thread([&] { connection.Send("a"); }).join();
  EXPECT_EQ(connection.Held(), 0);
}

TEST(WriteBatchTest, ClosingAConnectionFlushesIt) {
  Connection connection;
  const WriteBatch batch;
  connection.Send("a");
  connection.CloseSender();
  EXPECT_EQ(connection.Receive(), "a");
}

TEST(WriteBatchTest, SendsAtOnceBeyondItsCapacity) {
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < 100; ++i) connections.push_back(std::make_unique<Connection>());
  {
    const WriteBatch batch;
    for (const auto& connection : connections) connection->Send("a");
    EXPECT_EQ(connections.front()->Held(), 1);
    EXPECT_EQ(connections.back()->Held(), 0);
  }
  for (const auto& connection : connections) EXPECT_EQ(connection->Receive(), "a");
}

}  // namespace
}  // namespace evalrun::grpc_hooks
