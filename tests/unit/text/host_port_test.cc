// SPDX-License-Identifier: Apache-2.0

#include "service/text/host_port.h"

#include <string>

#include <gtest/gtest.h>

namespace evalrun::text {
namespace {

TEST(ParseHostPortTest, SplitsHostAndPort) {
  const struct {
    const char* text;
    HostPort value;
  } cases[] = {
      {"127.0.0.1:50051", {"127.0.0.1", 50051}},
      {"gateway:0", {"gateway", 0}},
      {"a.b:65535", {"a.b", 65535}},
      {"[::1]:1", {"::1", 1}},
      {"[fe80::1%eth0]:50051", {"fe80::1%eth0", 50051}},
  };
  for (const auto& c : cases) EXPECT_EQ(ParseHostPort(c.text), c.value) << c.text;
}

TEST(ParseHostPortTest, RejectsEverythingElse) {
  for (const char* text : {"",        ":",          ":1",          "1",        "host",
                           "host:",   "host:65536", "host:123456", "host:-1",  "host:+1",
                           "host: 1", "host:1 ",    "host:http",   "::1:1",    "[::1]",
                           "[]:1",    "[::1:1",     "::1]:1",      "[host]:1", "a:b:1"}) {
    EXPECT_EQ(ParseHostPort(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace evalrun::text
