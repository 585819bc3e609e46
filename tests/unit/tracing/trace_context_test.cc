// SPDX-License-Identifier: Apache-2.0

#include "service/tracing/trace_context.h"

#include <gtest/gtest.h>

#include "tests/unit/tracing/tracing_testing.h"

namespace evalrun::tracing {
namespace {

constexpr char kSampled[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContextTest, ReadsTheSampledFlag) {
  for (const auto& [flags, sampled] :
       {std::pair("00", false), std::pair("01", true), std::pair("02", false),
        std::pair("03", true), std::pair("fe", false), std::pair("ff", true)}) {
    const std::string text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-";
    EXPECT_EQ(IsSampled(text + flags), sampled) << flags;
    EXPECT_EQ(ParseTraceparent(text + flags).is_sampled(), sampled) << flags;
  }
}

TEST(TraceContextTest, WritesWhatItHasRead) {
  EXPECT_EQ(FormatTraceparent(ParseTraceparent(kSampled)), kSampled);
  EXPECT_EQ(ParseTraceparent(kSampled).trace_id[0], 0x4b);
  EXPECT_EQ(ParseTraceparent(kSampled).span_id[7], 0xb7);
}

TEST(TraceContextTest, WritesVersion00AndKnownFlagsOfALaterVersion) {
  EXPECT_EQ(FormatTraceparent(
                ParseTraceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-more")),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03");
}

TEST(TraceContextTest, MakesIdsOfAllBits) {
  CountingRandom random;
  random.count = 0x0102030405060707;
  EXPECT_EQ(MakeSpanId(&random), (SpanId{8, 7, 6, 5, 4, 3, 2, 1}));
  EXPECT_EQ(MakeTraceId(&random), (TraceId{9, 7, 6, 5, 4, 3, 2, 1, 10, 7, 6, 5, 4, 3, 2, 1}));
}

TEST(TraceContextTest, MakesNoIdThatMeansNone) {
  FixedRandom random(0);
  EXPECT_NE(MakeSpanId(&random), SpanId{});
  EXPECT_NE(MakeTraceId(&random), TraceId{});
}

}  // namespace
}  // namespace evalrun::tracing
