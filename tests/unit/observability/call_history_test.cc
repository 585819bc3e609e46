// SPDX-License-Identifier: Apache-2.0
//
// How calls have fared in the last minutes.
#include "service/observability/call_history.h"

#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::observability {
namespace {

using std::chrono::seconds;
using ::testing::SizeIs;

constexpr CallHistory::TimePoint kStart{seconds(1000)};

TEST(CallHistoryTest, SamplesHaveWhatHappenedWithinTheirInterval) {
  CallHistory history(kStart);
  history.Add({.calls = 10, .failed = 1, .attempts = 12, .retries = 2, .latency = {4, 6}}, 3,
              kStart + seconds(5));
  history.Add({.calls = 15, .failed = 4, .attempts = 20, .retries = 5, .latency = {4, 11}}, 0,
              kStart + seconds(11));
  const std::vector<HistorySample> samples =
      history.Samples({.calls = 15, .failed = 4, .attempts = 20, .retries = 5, .latency = {4, 11}},
                      0, kStart + seconds(11));
  ASSERT_THAT(samples, SizeIs(3));
  EXPECT_EQ(samples[0].end, kStart + seconds(5));
  EXPECT_EQ(samples[0].length, seconds(5));
  EXPECT_EQ(samples[0].in_flight, 3u);
  EXPECT_EQ(
      samples[0].totals,
      (CallTotals{.calls = 10, .failed = 1, .attempts = 12, .retries = 2, .latency = {4, 6}}));
  EXPECT_EQ(samples[1].length, seconds(6));
  EXPECT_EQ(samples[1].in_flight, 0u);
  EXPECT_EQ(samples[1].totals,
            (CallTotals{.calls = 5, .failed = 3, .attempts = 8, .retries = 3, .latency = {0, 5}}));
}

TEST(CallHistoryTest, LastSampleIsTheIntervalThatIsNotOverYet) {
  CallHistory history(kStart);
  std::vector<HistorySample> samples = history.Samples({.calls = 1}, 2, kStart + seconds(1));
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].totals.calls, 1u);
  EXPECT_EQ(samples[0].in_flight, 2u);
  EXPECT_EQ(samples[0].length, seconds(1));
  history.Add({.calls = 4}, 0, kStart + seconds(5));
  samples = history.Samples({.calls = 6}, 0, kStart + seconds(7));
  ASSERT_THAT(samples, SizeIs(2));
  EXPECT_EQ(samples[0].totals.calls, 4u);
  EXPECT_EQ(samples[1].totals.calls, 2u);
  EXPECT_EQ(samples[1].length, seconds(2));
}

// The arguments were read before another thread added a sample.
TEST(CallHistoryTest, NothingHasHappenedSinceASampleOfTheFuture) {
  CallHistory history(kStart);
  history.Add({.calls = 4, .latency = {1, 3}}, 0, kStart + seconds(5));
  const std::vector<HistorySample> samples =
      history.Samples({.calls = 3, .latency = {1, 2}}, 0, kStart + seconds(4));
  ASSERT_THAT(samples, SizeIs(2));
  EXPECT_EQ(samples[1].totals, CallTotals{});
  EXPECT_EQ(samples[1].length, seconds(0));
}

TEST(CallHistoryTest, KeepsTheLatestSamplesInOrder) {
  CallHistory history(kStart);
  constexpr std::size_t kAdded = CallHistory::kCapacity + 7;
  for (std::size_t i = 1; i <= kAdded; ++i) {
    history.Add({.calls = i}, i, kStart + i * CallHistory::kInterval);
  }
  const std::vector<HistorySample> samples =
      history.Samples({.calls = kAdded}, 0, kStart + kAdded * CallHistory::kInterval);
  ASSERT_THAT(samples, SizeIs(CallHistory::kCapacity + 1));
  for (std::size_t i = 0; i < CallHistory::kCapacity; ++i) {
    EXPECT_EQ(samples[i].in_flight, 8 + i);
    EXPECT_EQ(samples[i].totals.calls, 1u);
  }
}

}  // namespace
}  // namespace evalrun::observability
