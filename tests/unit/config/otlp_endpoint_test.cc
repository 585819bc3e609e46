// SPDX-License-Identifier: Apache-2.0

#include "service/config/otlp_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::config {
namespace {

TEST(OtlpEndpointTest, AddsThePathOfTraces) {
  EXPECT_EQ(*ParseOtlpEndpoint("http://localhost:4318"), "http://localhost:4318/v1/traces");
  EXPECT_EQ(*ParseOtlpEndpoint("https://collector/base/"), "https://collector/base/v1/traces");
  EXPECT_EQ(*ParseOtlpEndpoint(""), "");
}

TEST(OtlpEndpointTest, RejectsWhatIsNoBaseUrl) {
  for (const char* text : {"localhost:4318", "grpc://localhost:4317", "http://user:pw@host",
                           "http://host?a", "http://host/v1/traces", "http://host/v1/traces/"}) {
    const auto parsed = ParseOtlpEndpoint(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_THAT(parsed.status().message(), testing::HasSubstr("/v1/traces"));
    EXPECT_THAT(parsed.status().message(), testing::Not(testing::HasSubstr("pw")));
  }
}

}  // namespace
}  // namespace evalrun::config
