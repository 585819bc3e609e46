// SPDX-License-Identifier: Apache-2.0

#include "service/config/upstream_url.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/config/text.h"

namespace evalrun::config {
namespace {

using ::testing::HasSubstr;

struct ValidCase {
  const char* text;
  UpstreamUrl url;
  const char* origin;
};

TEST(ParseUpstreamUrlTest, ParsesValidUrls) {
  const ValidCase cases[] = {
      {"https://api.aymara.ai/v2", {"https", "api.aymara.ai", 443, "/v2"}, "https://api.aymara.ai"},
      {"http://127.0.0.1:8080/v2", {"http", "127.0.0.1", 8080, "/v2"}, "http://127.0.0.1:8080"},
      {"http://localhost", {"http", "localhost", 80, ""}, "http://localhost"},
      {"http://localhost/", {"http", "localhost", 80, ""}, "http://localhost"},
      {"http://localhost:80/", {"http", "localhost", 80, ""}, "http://localhost"},
      {"https://localhost:80", {"https", "localhost", 80, ""}, "https://localhost:80"},
      {"HTTPS://API.Aymara.AI/V2/",
       {"https", "api.aymara.ai", 443, "/V2"},
       "https://api.aymara.ai"},
      {"http://[::1]:8080/a/b", {"http", "::1", 8080, "/a/b"}, "http://[::1]:8080"},
      {"http://[2001:DB8::1]", {"http", "2001:db8::1", 80, ""}, "http://[2001:db8::1]"},
      {"http://h/a%20b", {"http", "h", 80, "/a%20b"}, "http://h"},
      {"http://h/a@b:c;d=1", {"http", "h", 80, "/a@b:c;d=1"}, "http://h"},
      {"http://h/...", {"http", "h", 80, "/..."}, "http://h"},
  };
  for (const ValidCase& c : cases) {
    const auto url = ParseUpstreamUrl(c.text);
    ASSERT_TRUE(url.ok()) << c.text << ": " << url.status();
    EXPECT_EQ(*url, c.url) << c.text;
    EXPECT_EQ(url->Origin(), c.origin);
  }
}

struct InvalidCase {
  std::string text;
  const char* message;
};

TEST(ParseUpstreamUrlTest, RejectsInvalidUrlsWithReason) {
  const InvalidCase cases[] = {
      {"", "begin with http"},
      {"api.aymara.ai/v2", "begin with http"},
      {"localhost:8080", "begin with http"},
      {"//localhost", "begin with http"},
      {"ftp://localhost", "begin with http"},
      {"file:///etc/passwd", "begin with http"},
      {"http:/localhost", "begin with http"},
      {" http://localhost", "begin with http"},
      {"http://", "name a host"},
      {"http:///v2", "name a host"},
      {"http://:8080", "name a host"},
      {"http://user@localhost", "no user"},
      {"http://user:password@localhost/v2", "no user"},
      {"http://@localhost", "no user"},
      {"http://localhost?", "no query"},
      {"http://localhost/v2?a=b", "no query"},
      {"http://localhost/v2#", "no fragment"},
      {"http://localhost:", "port from 1"},
      {"http://localhost:0", "port from 1"},
      {"http://localhost:65536", "port from 1"},
      {"http://localhost:8o", "port from 1"},
      {"http://[::1]:", "port from 1"},
      {"http://[::1", "a host of"},
      {"http://::1", "a host of"},
      {"http://[::1]x:80", "a host of"},
      {"http://[nope]", "IPv6"},
      {"http://[fe80::1%25eth0]", "IPv6"},
      {"http://local host", "a host of"},
      {"http://local\\host", "a host of"},
      {"http://h%6fst", "a host of"},
      {"http://a..b", "a host of"},
      {"http://host\r\nX: y", "a host of"},
      {std::string("http://host\0", 12), "a host of"},
      {"http://h/a//b", "empty segment"},
      {"http://h//", "empty segment"},
      {"http://h/..", ". or .."},
      {"http://h/v2/../v3", ". or .."},
      {"http://h/./v2", ". or .."},
      {"http://h/%2e%2E/v2", ". or .."},
      {"http://h/.%2e", ". or .."},
      {"http://h/a b", "RFC 3986"},
      {"http://h/a\\b", "RFC 3986"},
      {"http://h/%", "RFC 3986"},
      {"http://h/%2", "RFC 3986"},
      {"http://h/%2g", "RFC 3986"},
      {"http://h/\xc3\xa9", "RFC 3986"},
      {"http://h/{id}", "RFC 3986"},
      {"http://h/a\nb", "RFC 3986"},
      {std::string("http://h/a\0b", 12), "RFC 3986"},
  };
  for (const InvalidCase& c : cases) {
    const auto url = ParseUpstreamUrl(c.text);
    ASSERT_FALSE(url.ok()) << Escape(c.text);
    EXPECT_THAT(std::string(url.status().message()), HasSubstr(c.message)) << Escape(c.text);
  }
}

TEST(CheckProxyUrlTest, AllowsCredentialsButNoPath) {
  for (const char* text :
       {"", "http://proxy:3128", "https://proxy", "http://user:pa%40ss@proxy:3128",
        "http://user@[::1]:3128/", "http://:@proxy"}) {
    EXPECT_TRUE(CheckProxyUrl(text).ok()) << text;
  }
  for (const char* text :
       {"proxy:3128", "socks5://proxy:1080", "http://proxy/path", "http://user:pass@",
        "http://u:p@p@proxy", "http://u/p@proxy", "http://u p@proxy", "http://proxy?x",
        "http://u\r\nX:@proxy", "user:pass@proxy:3128"}) {
    EXPECT_FALSE(CheckProxyUrl(text).ok()) << text;
  }
}

TEST(CheckProxyUrlTest, RejectsMaskedCredentials) {
  EXPECT_THAT(std::string(CheckProxyUrl("http://****@proxy:3128").message()), HasSubstr("masked"));
}

TEST(MaskCredentialsTest, MasksEverythingBeforeLastAt) {
  EXPECT_EQ(MaskCredentials(""), "");
  EXPECT_EQ(MaskCredentials("http://proxy:3128"), "http://proxy:3128");
  EXPECT_EQ(MaskCredentials("http://u:p@proxy:3128"), "http://****@proxy:3128");
  EXPECT_EQ(MaskCredentials("https://u:p@p@proxy"), "https://****@proxy");
  EXPECT_EQ(MaskCredentials("u:p@proxy"), "****@proxy");
  EXPECT_EQ(MaskCredentials("secret://u@proxy"), "****@proxy");
  EXPECT_EQ(MaskCredentials("u@http://proxy"), "****@http://proxy");
  EXPECT_EQ(MaskCredentials("@"), "****@");
}

}  // namespace
}  // namespace evalrun::config
