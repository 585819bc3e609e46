// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/dns/refresh_schedule.h"

#include <chrono>

#include <gtest/gtest.h>

namespace evalrun::dns {
namespace {

using namespace std::chrono_literals;

const std::chrono::steady_clock::time_point kEnd{100s};
constexpr LastLookup kSucceeded{.ended_at = std::chrono::steady_clock::time_point(100s),
                                .succeeded = true};
constexpr LastLookup kFailed{.ended_at = std::chrono::steady_clock::time_point(100s),
                             .succeeded = false};

TEST(NextLookupTest, AddressesAreUsedForTheRefreshInterval) {
  EXPECT_EQ(NextLookup(kSucceeded, 30s, false), kEnd + 30s);
  EXPECT_EQ(NextLookup(kSucceeded, 1h, false), kEnd + 1h);
}

TEST(NextLookupTest, FailedLookupIsRepeatedSooner) {
  EXPECT_EQ(NextLookup(kFailed, 30s, false), kEnd + 5s);
  EXPECT_EQ(NextLookup(kFailed, 3s, false), kEnd + 3s);
}

TEST(NextLookupTest, RequestedLookupWaitsForTheMinimumIntervalOnly) {
  EXPECT_EQ(NextLookup(kSucceeded, 30s, true), kEnd + 1s);
  EXPECT_EQ(NextLookup(kFailed, 30s, true), kEnd + 1s);
}

TEST(NextLookupTest, NeverBeforeTheMinimumInterval) {
  EXPECT_EQ(NextLookup(kSucceeded, 0s, false), kEnd + 1s);
  EXPECT_EQ(NextLookup(kFailed, 0s, false), kEnd + 1s);
}

}  // namespace
}  // namespace evalrun::dns
