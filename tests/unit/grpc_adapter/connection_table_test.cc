// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/connection_table.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "service/net/unique_fd.h"
#include "tests/unit/grpc_adapter/loopback_connections.h"

namespace evalrun::grpc_adapter {
namespace {

using net::UniqueFd;

class ConnectionTableTest : public ::testing::Test, public evalrun::testing::LoopbackConnections {
 protected:
  // So that a limit is checked again (connection_table.cc).
  static void WaitForNextCheck() { std::this_thread::sleep_for(std::chrono::milliseconds(11)); }

  ConnectionReporter reporter_{nullptr};
};

TEST_F(ConnectionTableTest, RejectsConnectionsAboveTheLimit) {
  ConnectionTable table({.max_connections = 2, .max_per_peer = 2}, &reporter_);
  UniqueFd first = Connect();
  const UniqueFd second = Connect();
  const UniqueFd third = Connect();
  EXPECT_NE(table.Add(first.get()), nullptr);
  EXPECT_NE(table.Add(second.get()), nullptr);
  EXPECT_EQ(table.Add(third.get()), nullptr);
  EXPECT_EQ(reporter_.count(ConnectionEnd::kMaxConnections), 1U);
  first.Close();
  WaitForNextCheck();
  EXPECT_NE(table.Add(third.get()), nullptr);
  EXPECT_EQ(table.CountOpen(), 2U);
}

TEST_F(ConnectionTableTest, RejectsConnectionsOfOneAddressAboveItsLimit) {
  ConnectionTable table({.max_connections = 3, .max_per_peer = 1}, &reporter_);
  UniqueFd first = Connect(/*host=*/2);
  const UniqueFd second = Connect(/*host=*/2);
  const UniqueFd other = Connect(/*host=*/3);
  EXPECT_NE(table.Add(first.get()), nullptr);
  EXPECT_EQ(table.Add(second.get()), nullptr);
  EXPECT_NE(table.Add(other.get()), nullptr);
  EXPECT_EQ(reporter_.count(ConnectionEnd::kMaxConnectionsPerPeer), 1U);
  first.Close();
  WaitForNextCheck();
  EXPECT_NE(table.Add(second.get()), nullptr);
}

TEST_F(ConnectionTableTest, ANumberThatIsUsedAgainIsAnotherConnection) {
  ConnectionTable table({.max_connections = 9, .max_per_peer = 9}, &reporter_);
  UniqueFd socket = Connect();
  const int number = socket.get();
  const std::string closed = table.Add(number)->name().uri;
  Reconnect(&socket);
  const auto connection = table.Add(number);
  EXPECT_EQ(table.Find(closed), nullptr);
  EXPECT_EQ(table.Find(connection->name().uri), connection);
  EXPECT_EQ(table.CountOpen(), 1U);
}

TEST_F(ConnectionTableTest, AbortsOnlyTheSocketThatWasMeant) {
  UniqueFd socket = Connect();
  const int number = socket.get();
  const net::SocketRef closed(number);
  EXPECT_TRUE(closed.IsOpen());
  Reconnect(&socket);
  EXPECT_FALSE(closed.IsOpen());
  EXPECT_EQ(closed.BytesRead(), std::nullopt);
  EXPECT_FALSE(closed.Abort());
  char byte = 0;
  EXPECT_EQ(recv(number, &byte, 1, MSG_DONTWAIT), -1);  // no end of the stream
  EXPECT_TRUE(net::SocketRef(number).Abort());
  EXPECT_EQ(recv(number, &byte, 1, MSG_DONTWAIT), 0);
}

TEST(PeerNameTest, IsWhatGrpcWrites) {
  const auto name = [](int family, const char* address, std::uint32_t scope = 0) {
    sockaddr_storage storage{};
    storage.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET) {
      auto& ipv4 = reinterpret_cast<sockaddr_in&>(storage);
      ipv4.sin_port = htons(5000);
      inet_pton(family, address, &ipv4.sin_addr);
    } else {
      auto& ipv6 = reinterpret_cast<sockaddr_in6&>(storage);
      ipv6.sin6_port = htons(5000);
      ipv6.sin6_scope_id = scope;
      inet_pton(family, address, &ipv6.sin6_addr);
    }
    return net::ToPeerName(storage);
  };
  EXPECT_EQ(name(AF_INET, "192.0.2.1").uri, "ipv4:192.0.2.1:5000");
  EXPECT_EQ(name(AF_INET, "192.0.2.1").host, "192.0.2.1");
  EXPECT_EQ(name(AF_INET6, "::ffff:192.0.2.1").uri, "ipv4:192.0.2.1:5000");
  EXPECT_EQ(name(AF_INET6, "2001:db8:1:2:3::4").uri, "ipv6:%5B2001:db8:1:2:3::4%5D:5000");
  EXPECT_EQ(name(AF_INET6, "2001:db8:1:2:3::4").host, "2001:db8:1:2::/64");
  EXPECT_EQ(name(AF_INET6, "fe80::1", 2).uri, "ipv6:%5Bfe80::1%252%5D:5000");
}

}  // namespace
}  // namespace evalrun::grpc_adapter
