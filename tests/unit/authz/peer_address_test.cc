// SPDX-License-Identifier: Apache-2.0

#include "service/authz/peer_address.h"

#include <gtest/gtest.h>

namespace evalrun::authz {
namespace {

TEST(ParsePeerAddressTest, ParsesGrpcPeerNames) {
  struct {
    const char* peer;
    const char* address;
    int port;
  } const cases[] = {
      {"ipv4:10.0.0.1:40000", "10.0.0.1", 40000},
      {"ipv6:%5B::1%5D:40000", "::1", 40000},
      {"ipv6:[::1]:40000", "::1", 40000},
      {"ipv6:%5Bfe80::1%25eth0%5D:1", "fe80::1%25eth0", 1},
      {"vsock:2:50051", "vsock:2:50051", 0},
      {"unknown", "unknown", 0},
      {"ipv4:", "ipv4:", 0},
      {"ipv4::", "", 0},
      {"ipv4:10.0.0.1:port", "10.0.0.1", 0},
      {"", "", 0},
  };
  for (const auto& c : cases) {
    const PeerAddress split = ParsePeerAddress(c.peer);
    EXPECT_EQ(split.address, c.address) << c.peer;
    EXPECT_EQ(split.port, c.port) << c.peer;
  }
}

}  // namespace
}  // namespace evalrun::authz
