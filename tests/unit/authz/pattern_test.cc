// SPDX-License-Identifier: Apache-2.0
//
// Identity patterns, exact and by prefix.
#include "service/authz/pattern.h"

#include <string>

#include <gtest/gtest.h>

namespace evalrun::authz {
namespace {

TEST(PatternTest, MatchesExactOrPrefix) {
  EXPECT_TRUE(MatchesPattern("spiffe://prod/a", "spiffe://prod/a"));
  EXPECT_FALSE(MatchesPattern("spiffe://prod/a", "spiffe://prod/ab"));
  EXPECT_FALSE(MatchesPattern("spiffe://prod/a", "spiffe://prod/"));
  EXPECT_TRUE(MatchesPattern("spiffe://prod/*", "spiffe://prod/a/b"));
  EXPECT_TRUE(MatchesPattern("spiffe://prod/*", "spiffe://prod/"));
  EXPECT_FALSE(MatchesPattern("spiffe://prod/*", "spiffe://prod"));
  EXPECT_TRUE(MatchesPattern("*", "ip:::1"));
  EXPECT_FALSE(MatchesPattern("", "ip:::1"));
}

TEST(PatternTest, AllowsStarOnlyAtEnd) {
  for (const char* pattern : {"*", "a", "a*", "spiffe://prod/ns/*"}) {
    EXPECT_TRUE(IsWellFormedPattern(pattern)) << pattern;
  }
  for (const std::string& pattern :
       {std::string(), std::string("a*b"), std::string("**"), std::string("a b"),
        std::string("a\n"), std::string("\xC3\xBC"), std::string(513, 'a')}) {
    EXPECT_FALSE(IsWellFormedPattern(pattern)) << pattern;
  }
}

}  // namespace
}  // namespace evalrun::authz
