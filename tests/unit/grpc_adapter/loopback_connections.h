// SPDX-License-Identifier: Apache-2.0
//
// File: loopback_connections.h
//
// Connections from 127.0.0.x over the loopback interface.
#ifndef EVALRUN_TESTS_UNIT_GRPC_ADAPTER_LOOPBACK_CONNECTIONS_H_
#define EVALRUN_TESTS_UNIT_GRPC_ADAPTER_LOOPBACK_CONNECTIONS_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "service/net/unique_fd.h"

namespace evalrun::testing {

class LoopbackConnections {
 public:
  LoopbackConnections() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = Loopback(1);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listener_.get(), Generic(&address), size), 0);
    EXPECT_EQ(listen(listener_.get(), 64), 0);
    EXPECT_EQ(getsockname(listener_.get(), Generic(&address), &size), 0);
    port_ = address.sin_port;
  }

  // The server's end.
  net::UniqueFd Connect(std::uint8_t host = 1) {
    ConnectClient(host);
    return Accept();
  }
  // Replaces a connection by another one with the same number.
  void Reconnect(net::UniqueFd* socket) {
    const int number = socket->get();
    ConnectClient(/*host=*/1);
    socket->Close();
    *socket = Accept();
    ASSERT_EQ(socket->get(), number);
  }

 private:
  void ConnectClient(std::uint8_t host) {
    net::UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in own = Loopback(host);
    EXPECT_EQ(bind(client.get(), Generic(&own), sizeof(own)), 0);
    sockaddr_in server = Loopback(1);
    server.sin_port = port_;
    EXPECT_EQ(connect(client.get(), Generic(&server), sizeof(server)), 0);
    clients_.push_back(std::move(client));
  }
  net::UniqueFd Accept() {
    return net::UniqueFd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  static sockaddr_in Loopback(std::uint8_t host) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl((INADDR_LOOPBACK & ~0xFFU) | host);
    return address;
  }
  static sockaddr* Generic(sockaddr_in* address) { return reinterpret_cast<sockaddr*>(address); }

  net::UniqueFd listener_;
  in_port_t port_ = 0;
  std::vector<net::UniqueFd> clients_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_UNIT_GRPC_ADAPTER_LOOPBACK_CONNECTIONS_H_
