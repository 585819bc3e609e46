// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/http/endpoint.h"

#include <gtest/gtest.h>

namespace evalrun::http {
namespace {

TEST(ParseOriginTest, HasTheSchemesPortWithoutOne) {
  EXPECT_EQ(ParseOrigin("https://api.aymara.ai"), (Endpoint{"api.aymara.ai", 443}));
  EXPECT_EQ(ParseOrigin("http://api.aymara.ai"), (Endpoint{"api.aymara.ai", 80}));
  EXPECT_EQ(ParseOrigin("http://backend:8080"), (Endpoint{"backend", 8080}));
  EXPECT_EQ(ParseOrigin("https://[::1]:8443"), (Endpoint{"::1", 8443}));
}

TEST(ParseProxyTest, IgnoresCredentials) {
  EXPECT_EQ(ParseProxy("http://user:pass%40word@proxy:3128"), (Endpoint{"proxy", 3128}));
  EXPECT_EQ(ParseProxy("https://user:password@[2001:db8::1]:3129"),
            (Endpoint{"2001:db8::1", 3129}));
}

TEST(ParseProxyTest, HasLibcurlsPortWithoutOne) {
  EXPECT_EQ(ParseProxy("http://proxy"), (Endpoint{"proxy", 1080}));
  EXPECT_EQ(ParseProxy("HTTP://proxy"), (Endpoint{"proxy", 1080}));
  EXPECT_EQ(ParseProxy("https://proxy"), (Endpoint{"proxy", 443}));
}

TEST(ParseProxyTest, MalformedUrlHasNoHost) { EXPECT_EQ(ParseProxy("http://:x"), Endpoint{}); }

TEST(MakeResolveEntryTest, KeepsTheOrderOfAddresses) {
  EXPECT_EQ(MakeResolveEntry({"backend", 8080}, {"10.0.0.2", "10.0.0.1"}),
            "backend:8080:10.0.0.2,10.0.0.1");
}

TEST(MakeResolveEntryTest, PutsIpv6InBrackets) {
  EXPECT_EQ(MakeResolveEntry({"api", 443}, {"2001:db8::1", "10.0.0.1"}),
            "api:443:[2001:db8::1],10.0.0.1");
}

}  // namespace
}  // namespace evalrun::http
