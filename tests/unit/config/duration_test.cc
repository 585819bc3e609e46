// SPDX-License-Identifier: Apache-2.0

#include "service/config/duration.h"

#include <gtest/gtest.h>

#include "service/text/duration.h"

namespace evalrun::config {
namespace {

using std::chrono::microseconds;
using namespace std::chrono_literals;

TEST(DurationTest, RoundTripsThroughProto) {
  for (const microseconds value :
       {microseconds(0us), microseconds(1us), microseconds(999999us), microseconds(1s),
        microseconds(1000001us), microseconds(59min), text::kMaxDuration}) {
    EXPECT_EQ(ToMicroseconds(ToProto(value)), value);
  }
  EXPECT_EQ(ToProto(1500ms).seconds(), 1);
  EXPECT_EQ(ToProto(1500ms).nanos(), 500'000'000);
}

TEST(DurationTest, TruncatesNanoseconds) {
  google::protobuf::Duration duration;
  duration.set_nanos(1'999);
  EXPECT_EQ(ToMicroseconds(duration), 1us);
}

}  // namespace
}  // namespace evalrun::config
