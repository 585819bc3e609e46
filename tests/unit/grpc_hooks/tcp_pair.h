// SPDX-License-Identifier: Apache-2.0
//
// File: tcp_pair.h
//
// A TCP connection within this process.
#ifndef EVALRUN_TESTS_UNIT_GRPC_HOOKS_TCP_PAIR_H_
#define EVALRUN_TESTS_UNIT_GRPC_HOOKS_TCP_PAIR_H_

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace evalrun::grpc_hooks {

// Both ends are the caller's to close.
struct TcpPair {
  int connected = -1;
  int accepted = -1;
};

// `flags`: of accept4(), for the accepted end. What goes wrong fails the test.
inline TcpPair MakeTcpPair(int flags = 0) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{
      .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(listener, generic, size), 0);
  EXPECT_EQ(listen(listener, 1), 0);
  EXPECT_EQ(getsockname(listener, generic, &size), 0);
  TcpPair pair;
  pair.connected = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(connect(pair.connected, generic, size), 0);
  pair.accepted = accept4(listener, nullptr, nullptr, flags);
  close(listener);
  return pair;
}

}  // namespace evalrun::grpc_hooks

#endif  // EVALRUN_TESTS_UNIT_GRPC_HOOKS_TCP_PAIR_H_
