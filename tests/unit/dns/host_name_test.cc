// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/dns/host_name.h"

#include <gtest/gtest.h>

namespace evalrun::dns {
namespace {

TEST(NeedsNameServerTest, NamesDo) {
  for (const char* name : {"api.aymara.ai", "redis", "localhost.example", "notlocalhost", "a",
                           "1.2.3", "1.2.3.4.example", "api.aymara.ai."}) {
    EXPECT_TRUE(NeedsNameServer(name)) << name;
  }
}

TEST(NeedsNameServerTest, AddressesAndLocalhostDoNot) {
  for (const char* host : {"127.0.0.1", "10.0.0.1", "::1", "2001:db8::1", "localhost", "LocalHost",
                           "a.localhost", "A.LOCALHOST"}) {
    EXPECT_FALSE(NeedsNameServer(host)) << host;
  }
}

}  // namespace
}  // namespace evalrun::dns
