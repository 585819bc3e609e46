// How a call's time is shared out.
#include "service/handler/timeouts.h"

#include <gtest/gtest.h>

namespace evalrun::handler {
namespace {

using namespace std::chrono_literals;

TEST(ResponseTimeoutTest, SubtractsMarginButAtMostAQuarter) {
  EXPECT_EQ(ResponseTimeout(10s, 20ms), 9980ms);
  EXPECT_EQ(ResponseTimeout(80ms, 20ms), 60ms);
  EXPECT_EQ(ResponseTimeout(40ms, 20ms), 30ms);
  EXPECT_EQ(ResponseTimeout(0ms, 20ms), 0ms);
  EXPECT_LT(ResponseTimeout(-5s, 20ms), 0ms);
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
