// SPDX-License-Identifier: Apache-2.0
//
// The calls that took longest within a window of time.
#include "service/observability/slowest_calls.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::observability {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr SlowestCalls::TimePoint kNow{seconds(6000)};
constexpr std::chrono::system_clock::time_point kTime{seconds(1'000'000)};

class SlowestCallsTest : public ::testing::Test {
 protected:
  void Call(milliseconds duration, SlowestCalls::TimePoint now = kNow) {
    calls_.OnCallCompleted({.request_id = std::to_string(duration.count()), .duration = duration},
                           now, kTime);
  }

  std::vector<std::string> Ids(SlowestCalls::TimePoint now = kNow) {
    std::vector<std::string> ids;
    for (const SlowCall& call : calls_.SlowestFirst(now)) ids.push_back(call.request_id);
    return ids;
  }

  SlowestCalls calls_;
};

TEST_F(SlowestCallsTest, HasWhatIsKnownAboutACall) {
  EXPECT_THAT(calls_.SlowestFirst(kNow), IsEmpty());
  calls_.OnCallCompleted({.request_id = "r-1",
                          .caller = "dns:a",
                          .eval_run_uuid = "e-1",
                          .code = absl::StatusCode::kUnavailable,
                          .attempts = 2,
                          .duration = seconds(3),
                          .last_attempt_timing = {.total = seconds(1)}},
                         kNow, kTime);
  const std::vector<SlowCall> calls = calls_.SlowestFirst(kNow);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].completed, kTime);
  EXPECT_EQ(calls[0].duration, seconds(3));
  EXPECT_EQ(calls[0].last_attempt_duration, seconds(1));
  EXPECT_EQ(calls[0].attempts, 2);
  EXPECT_EQ(calls[0].code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(calls[0].request_id, "r-1");
  EXPECT_EQ(calls[0].caller, "dns:a");
  EXPECT_EQ(calls[0].eval_run_uuid, "e-1");
}

TEST_F(SlowestCallsTest, CallWithoutAnAttemptHasNoAttemptsDuration) {
  calls_.OnCallCompleted({.attempts = 0, .last_attempt_timing = {.total = seconds(1)}}, kNow,
                         kTime);
  EXPECT_EQ(calls_.SlowestFirst(kNow)[0].last_attempt_duration, microseconds(0));
}

TEST_F(SlowestCallsTest, KeepsTheTenSlowestOfAll) {
  for (int i = 0; i < 500; ++i) Call(milliseconds(i * 37 % 500));
  EXPECT_THAT(Ids(),
              ElementsAre("499", "498", "497", "496", "495", "494", "493", "492", "491", "490"));
  for (int i = 0; i < 100; ++i) Call(milliseconds(1));
  EXPECT_EQ(Ids().back(), "490");
}

TEST_F(SlowestCallsTest, JoinsTheSlicesOfTheWindowAndForgetsOlderOnes) {
  Call(milliseconds(900), kNow);
  Call(milliseconds(100), kNow + seconds(60));
  Call(milliseconds(500), kNow + seconds(599));
  EXPECT_THAT(Ids(kNow + seconds(599)), ElementsAre("900", "500", "100"));
  EXPECT_THAT(Ids(kNow + seconds(600)), ElementsAre("500", "100"));
  EXPECT_THAT(Ids(kNow + seconds(2000)), IsEmpty());
}

}  // namespace
}  // namespace evalrun::observability
