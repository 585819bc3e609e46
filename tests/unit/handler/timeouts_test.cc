// SPDX-License-Identifier: Apache-2.0
//
// How a call's time is shared out.
#include "service/handler/timeouts.h"

#include <gtest/gtest.h>

#include "rest_backend/deletion/deletion.h"

namespace evalrun::handler {
namespace {

using namespace std::chrono_literals;

// As gRPC's C core encodes a timeout.
TEST(TimeoutRoundingTest, IsTheStepOfTheEncoding) {
  EXPECT_EQ(TimeoutRounding(-1s), 0ms);
  EXPECT_EQ(TimeoutRounding(999ms), 0ms);
  EXPECT_EQ(TimeoutRounding(1s), 10ms);
  EXPECT_EQ(TimeoutRounding(9999ms), 10ms);
  EXPECT_EQ(TimeoutRounding(10s), 100ms);
  EXPECT_EQ(TimeoutRounding(29s), 100ms);
  EXPECT_EQ(TimeoutRounding(100s), 1s);
  EXPECT_EQ(TimeoutRounding(1000s), 10s);
  EXPECT_LE(TimeoutRounding(8760h), 8760h / 100);
}

TEST(ResponseTimeoutTest, SubtractsMarginButAtMostAQuarter) {
  EXPECT_EQ(ResponseTimeout(900ms, 30s, 20ms), 880ms);
  EXPECT_EQ(ResponseTimeout(80ms, 30s, 20ms), 60ms);
  EXPECT_EQ(ResponseTimeout(40ms, 30s, 20ms), 30ms);
  EXPECT_EQ(ResponseTimeout(0ms, 30s, 20ms), 0ms);
  EXPECT_LT(ResponseTimeout(-5s, 30s, 20ms), 0ms);
}

TEST(ResponseTimeoutTest, SubtractsWhatTheDeadlineMayHaveBeenRoundedUp) {
  EXPECT_EQ(ResponseTimeout(5s, 30s, 20ms), 4970ms);
  EXPECT_EQ(ResponseTimeout(10s, 30s, 20ms), 9880ms);
  EXPECT_EQ(ResponseTimeout(60s, 30s, 200ms), 59700ms);
}

TEST(ResponseTimeoutTest, SubtractsNoRoundingFromTheDefault) {
  EXPECT_EQ(ResponseTimeout(std::nullopt, 3s, 20ms), 2980ms);
  EXPECT_EQ(ResponseTimeout(std::nullopt, 30s, 200ms), 29800ms);
  EXPECT_EQ(ResponseTimeout(std::nullopt, 40ms, 20ms), 30ms);
}

// 50ms is the least that deadline.default_timeout can be.
TEST(ResponseTimeoutTest, TheShortestDefaultLeavesTimeForARequest) {
  EXPECT_GE(ResponseTimeout(std::nullopt, 50ms, 49ms), deletion::kMinAttemptTime);
}

TEST(AttemptTimeoutTest, IsCappedByResponseAndAttemptLimits) {
  EXPECT_EQ(AttemptTimeout(10s, 2s), 2s);
  EXPECT_EQ(AttemptTimeout(1s, 2s), 1s);
  EXPECT_EQ(AttemptTimeout(1999us, 2s), 1ms) << "rounded down";
  EXPECT_EQ(AttemptTimeout(999us, 2s), 0ms);
  EXPECT_LT(AttemptTimeout(-1us, 2s), 0ms);
}

}  // namespace
}  // namespace evalrun::handler
