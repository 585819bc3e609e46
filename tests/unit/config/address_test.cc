// SPDX-License-Identifier: Apache-2.0

#include "service/config/address.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace evalrun::config {
namespace {

struct Case {
  const char* text;
  text::HostPort value;
};

TEST(ParseListenAddressTest, ParsesValidAddresses) {
  const Case cases[] = {
      {"127.0.0.1:50051", {"127.0.0.1", 50051}},
      {"0.0.0.0:0", {"0.0.0.0", 0}},
      {"localhost:9090", {"localhost", 9090}},
      {"my_host-1.example.:65535", {"my_host-1.example.", 65535}},
      {"[::1]:0", {"::1", 0}},
      {"[::]:50051", {"::", 50051}},
      {"[2001:db8::1]:1", {"2001:db8::1", 1}},
  };
  for (const Case& c : cases) {
    const auto parsed = ParseListenAddress(c.text);
    ASSERT_TRUE(parsed.ok()) << c.text;
    EXPECT_EQ(*parsed, c.value) << c.text;
  }
}

TEST(ParseListenAddressTest, RejectsInvalidAddresses) {
  for (const std::string& text : {std::string(""),
                                  std::string(":"),
                                  std::string(":50051"),
                                  std::string("50051"),
                                  std::string("localhost"),
                                  std::string("localhost:"),
                                  std::string("localhost:65536"),
                                  std::string("localhost:99999999999999999999"),
                                  std::string("localhost:-1"),
                                  std::string("localhost:+1"),
                                  std::string("localhost:1 "),
                                  std::string(" localhost:1"),
                                  std::string("localhost:http"),
                                  std::string("*:1"),
                                  std::string("::1:1"),
                                  std::string("[::1]"),
                                  std::string("[]:1"),
                                  std::string("[::1:1"),
                                  std::string("[:::]:1"),
                                  std::string("[127.0.0.1]:1"),
                                  std::string("[fe80::1%eth0]:1"),
                                  std::string("a..b:1"),
                                  std::string(".a:1"),
                                  std::string("unix:/tmp/socket"),
                                  std::string("http://localhost:1"),
                                  std::string("local host:1"),
                                  std::string("[::1\0]:1", 8),
                                  std::string("h\0:1", 4),
                                  std::string(254, 'a') + ":1"}) {
    EXPECT_FALSE(ParseListenAddress(text).ok()) << text;
  }
}

TEST(ParseServerAddressTest, RequiresPortUnlessEmpty) {
  EXPECT_EQ(*ParseServerAddress("redis:6379"), (text::HostPort{"redis", 6379}));
  EXPECT_EQ(*ParseServerAddress(""), std::nullopt);
  for (const char* text : {"redis", "redis:0", ":6379", "[fe80::1%eth0]:6379"}) {
    EXPECT_FALSE(ParseServerAddress(text).ok()) << text;
  }
}

}  // namespace
}  // namespace evalrun::config
