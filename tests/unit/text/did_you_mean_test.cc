// SPDX-License-Identifier: Apache-2.0

#include "service/text/did_you_mean.h"

#include <gtest/gtest.h>

namespace evalrun::text {
namespace {

TEST(DidYouMeanTest, SuggestsNearestCandidateOrNone) {
  const std::vector<Candidate> candidates = {
      {"upstream.timeout", "upstream.timeout"}, {"listen", "listen"}, {"log.level", "log.level"}};
  EXPECT_EQ(DidYouMean("upstream.tiemout", candidates), "; did you mean upstream.timeout?");
  EXPECT_EQ(DidYouMean("Upstream-Timeout", candidates), "; did you mean upstream.timeout?");
  EXPECT_EQ(DidYouMean("lisen", candidates), "; did you mean listen?");
  EXPECT_EQ(DidYouMean("upstream", candidates), "; did you mean upstream.timeout?");
  EXPECT_EQ(DidYouMean("up", candidates), "");
  EXPECT_EQ(DidYouMean("something-else-altogether", candidates), "");
  EXPECT_EQ(DidYouMean(std::string(1'000'000, 'x'), candidates), "");
  EXPECT_EQ(DidYouMean("", candidates), "");
  EXPECT_EQ(DidYouMean("a", {{"to", "audit.to"}}), "");
  EXPECT_EQ(DidYouMean("too", {{"to", "audit.to"}}), "; did you mean audit.to?");
}

}  // namespace
}  // namespace evalrun::text
