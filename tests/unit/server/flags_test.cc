// SPDX-License-Identifier: Apache-2.0
//
// Parsing of flags, and formatting them again for the process that replaces this one.
#include "rest_backend/server/flags.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <gmock/gmock.h>

namespace evalrun::backend {
namespace {

Flags Parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "evalrun-backend");
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  const auto parsed = ParseFlags(static_cast<int>(argv.size()), argv.data());
  return std::get<Flags>(parsed);
}

TEST(Flags, RoundTripAsArguments) {
  const Flags flags =
      Parse({"--listen", "[::1]:80", "--admin-listen", "localhost:0", "--database", "a b.db",
             "--seed", "s.json", "--faults", "f.json", "--max-connections", "7", "--resume", "5"});
  const Flags again = Parse(ToArguments(flags));
  EXPECT_EQ(again.listen.host, "::1");
  EXPECT_EQ(again.listen.port, 80);
  ASSERT_TRUE(again.admin.has_value());
  EXPECT_EQ(again.admin->host, "localhost");
  EXPECT_EQ(again.admin->port, 0);
  EXPECT_EQ(again.database, "a b.db");
  EXPECT_EQ(again.seed, "s.json");
  EXPECT_EQ(again.faults, "f.json");
  EXPECT_EQ(again.connections, 7U);
  EXPECT_EQ(again.resume, 5);
  EXPECT_EQ(ToArguments(again), ToArguments(flags));
}

TEST(Flags, DefaultsRoundTrip) {
  const Flags again = Parse(ToArguments(Parse({})));
  EXPECT_EQ(FormatAddress(again.listen), "127.0.0.1:8080");
  EXPECT_EQ(again.admin, std::nullopt);
  EXPECT_EQ(again.seed + again.faults, "");
  EXPECT_EQ(again.resume, -1);
}

TEST(Addresses, ParseHostAndPort) {
  for (const char* address : {"127.0.0.1:0", "localhost:65535", "[::1]:8080", "[::]:0"}) {
    const auto parsed = ParseAddress(address);
    ASSERT_TRUE(parsed.has_value()) << address;
    EXPECT_EQ(FormatAddress(*parsed), address);
  }
  for (const char* wrong :
       {"", ":", "127.0.0.1", "127.0.0.1:", ":80", "::1:80", "a:65536", "a:-1", "a:8x", "[]:80"}) {
    EXPECT_FALSE(ParseAddress(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace evalrun::backend
