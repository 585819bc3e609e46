// SPDX-License-Identifier: Apache-2.0

#include "service/tracing/instance_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::tracing {
namespace {

TEST(InstanceIdTest, IsARandomUuid) {
  handler::PseudoRandomSource random(1);
  const std::string id = MakeInstanceId(&random);
  EXPECT_THAT(id, testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                                        "[0-9a-f]{12}"));
  EXPECT_NE(MakeInstanceId(&random), id);
}

}  // namespace
}  // namespace evalrun::tracing
