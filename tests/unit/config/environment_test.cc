// SPDX-License-Identifier: Apache-2.0

#include "service/config/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/config/setting_registry.h"

namespace evalrun::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Check(const Environment& environment) {
  std::vector<std::string> errors;
  CheckForUnknownVariables(environment, &errors);
  return errors;
}

TEST(ProcessEnvironmentTest, SplitsNameAndValue) {
  const char* const variables[] = {"A=1", "B=", "C=x=y", "A=2", "odd", nullptr};
  EXPECT_EQ(ProcessEnvironment(variables), (Environment{{"A", "1"}, {"B", ""}, {"C", "x=y"}}));
}

TEST(CheckForUnknownVariablesTest, ReportsNamesWithoutValues) {
  EXPECT_THAT(Check({{"EVALRUN_UPSTREAM_TIMEOUTS", "canary"},
                     {"EVALRUN_UPSTREAM_URL", "canary"},
                     {"EVALRUN_SOMETHING_ELSE_ALTOGETHER", "canary"}}),
              ElementsAre("EVALRUN_SOMETHING_ELSE_ALTOGETHER: no such setting",
                          "EVALRUN_UPSTREAM_TIMEOUTS: no such setting; did you mean "
                          "EVALRUN_UPSTREAM_TIMEOUT?",
                          "EVALRUN_UPSTREAM_URL: no such setting; did you mean EVALRUN_UPSTREAM?"));
}

TEST(CheckForUnknownVariablesTest, IgnoresForeignEmptyAndKubernetesVariables) {
  EXPECT_THAT(Check({{"PATH", "/bin"},
                     {"EVALRUNX", "1"},
                     {"EVALRUN_CONFIG", "x"},
                     {"EVALRUN_UNKNOWN", ""},
                     {"EVALRUN_PORT", "tcp://10.0.0.1:50051"},
                     {"EVALRUN_GATEWAY_SERVICE_HOST", "10.0.0.1"},
                     {"EVALRUN_GATEWAY_SERVICE_PORT", "50051"},
                     {"EVALRUN_GATEWAY_SERVICE_PORT_GRPC", "50051"},
                     {"EVALRUN_GATEWAY_PORT", "tcp://10.0.0.1:50051"},
                     {"EVALRUN_GATEWAY_PORT_50051_TCP", "tcp://10.0.0.1:50051"},
                     {"EVALRUN_GATEWAY_PORT_50051_TCP_PROTO", "tcp"}}),
              IsEmpty());
}

TEST(CheckForUnknownVariablesTest, AcceptsEverySetting) {
  for (const SettingInfo& setting : AllSettings()) {
    EXPECT_THAT(Check({{setting.variable, "x"}}), IsEmpty());
  }
}

}  // namespace
}  // namespace evalrun::config
