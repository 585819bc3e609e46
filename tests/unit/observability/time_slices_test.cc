// SPDX-License-Identifier: Apache-2.0
//
// A sliding window of time, forgotten a slice at a time.
#include "service/observability/time_slices.h"

#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::observability {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

struct Count {
  int value = 0;
  void Clear() { value = 0; }
};

class TimeSlicesTest : public ::testing::Test {
 protected:
  using Slices = TimeSlices<Count, 3, 10>;
  static Slices::TimePoint At(milliseconds time) { return Slices::TimePoint(time); }

  std::vector<int> Values(milliseconds now) {
    std::vector<int> values;
    slices_.ForEach(At(now), [&](const Count& count) { values.push_back(count.value); });
    return values;
  }

  Slices slices_;
};

TEST_F(TimeSlicesTest, NewTimesHaveNewSlices) {
  EXPECT_THAT(Values(seconds(0)), IsEmpty());
  slices_.At(At(seconds(0))).value = 1;
  slices_.At(At(milliseconds(9'999))).value += 10;
  slices_.At(At(seconds(10))).value = 2;
  EXPECT_THAT(Values(seconds(10)), UnorderedElementsAre(11, 2));
}

TEST_F(TimeSlicesTest, SliceLeavesTheWindowAlsoWithoutANewOne) {
  slices_.At(At(seconds(5))).value = 1;
  slices_.At(At(seconds(15))).value = 2;
  EXPECT_THAT(Values(milliseconds(29'999)), UnorderedElementsAre(1, 2));
  EXPECT_THAT(Values(seconds(30)), UnorderedElementsAre(2));
  EXPECT_THAT(Values(seconds(1000)), IsEmpty());
}

TEST_F(TimeSlicesTest, PlaceOfAnOldSliceIsCleared) {
  slices_.At(At(seconds(5))).value = 1;
  EXPECT_EQ(slices_.At(At(seconds(35))).value, 0);
}

}  // namespace
}  // namespace evalrun::observability
