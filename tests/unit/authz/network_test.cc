// SPDX-License-Identifier: Apache-2.0
//
// Networks of IPv4, IPv6 and IPv4-mapped addresses.
#include "service/authz/network.h"

#include <string>

#include <gtest/gtest.h>

namespace evalrun::authz {
namespace {

using namespace std::string_literals;

bool Contains(std::string_view network, std::string_view address) {
  const auto parsed = Network::Parse(network);
  const auto ip = ParseIpAddress(address);
  EXPECT_TRUE(parsed.has_value()) << network;
  EXPECT_TRUE(ip.has_value()) << address;
  return parsed.has_value() && ip.has_value() && parsed->Contains(*ip);
}

TEST(NetworkTest, ContainsItsAddresses) {
  struct {
    const char* network;
    const char* inside;
    const char* outside;
  } const cases[] = {
      {"10.0.0.0/8", "10.255.0.1", "11.0.0.1"},
      {"10.1.2.3", "10.1.2.3", "10.1.2.2"},
      {"10.1.2.3/32", "10.1.2.3", "10.1.2.4"},
      {"192.168.128.0/17", "192.168.255.255", "192.168.127.255"},
      {"0.0.0.0/0", "203.0.113.9", "2001:db8::1"},
      {"fd00::/8", "fdff::1", "fe00::1"},
      {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
      {"::1", "::1", "::2"},
      {"10.0.0.0/8", "::ffff:10.0.0.1", "::10.0.0.1"},
      {"::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.1"},
  };
  for (const auto& c : cases) {
    EXPECT_TRUE(Contains(c.network, c.inside)) << c.network << " " << c.inside;
    EXPECT_FALSE(Contains(c.network, c.outside)) << c.network << " " << c.outside;
  }
  EXPECT_TRUE(Contains("::/0", "203.0.113.9"));
}

TEST(NetworkTest, RejectsInvalidNetworks) {
  for (const std::string& text :
       {""s, "/"s, "10.0.0.0/"s, "10.0.0.0/33"s, "10.0.0.0/-1"s, "10.0.0.0/8/8"s, "10.0.0/8"s,
        "10.0.0.1/8"s, "fd00::1/8"s, "::/129"s, "[::1]"s, "fe80::1%eth0"s, "localhost"s,
        "10.0.0.0/0008"s, "10.0.0.0/8 "s, "10.0.0.0\0/8"s, std::string(100, '1')}) {
    EXPECT_FALSE(Network::Parse(text).has_value()) << ::testing::PrintToString(text);
  }
}

TEST(IsLoopbackTest, MatchesBothFamilies) {
  const auto is_loopback = [](const char* text) {
    const std::optional<IpAddress> address = ParseIpAddress(text);
    return address.has_value() && IsLoopback(*address);
  };
  for (const char* text : {"127.0.0.1", "127.255.0.9", "::ffff:127.0.0.1", "::1", "0:0::1"}) {
    EXPECT_TRUE(is_loopback(text)) << text;
  }
  for (const char* text : {"128.0.0.1", "126.0.0.1", "0.0.0.0", "::", "::2", "::127.0.0.1"}) {
    EXPECT_FALSE(is_loopback(text)) << text;
  }
}

}  // namespace
}  // namespace evalrun::authz
