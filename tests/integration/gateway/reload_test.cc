// SPDX-License-Identifier: Apache-2.0
//
// Changing the configuration file of a running gateway.
#include <signal.h>

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/config_file.h"
#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using ::testing::HasSubstr;

double Reloads(const GatewayProcess& gateway, const std::string& result) {
  return gateway.Metric("gateway_config_reloads_total", {"result=\"" + result + "\""}).value_or(-1);
}

TEST(ReloadTest, LoadsAReplacedFile) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  const ConfigFile config("log: {level: info}\n");
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--config", config.path()}});
  config.Replace("log: {level: debug}\nretry: {max_attempts: 5}\n");
  EXPECT_THAT(gateway.WaitForEvent("config_restart_needed").value_or("none"),
              HasSubstr("retry.max_attempts"));
  EXPECT_THAT(gateway.WaitForEvent("config_reloaded").value_or("none"), HasSubstr("\"hash\":"));
  EXPECT_EQ(Reloads(gateway, "success"), 1);
  EXPECT_EQ(gateway.Metric("gateway_config_restart_needed"), 1);
}

TEST(ReloadTest, SighupLoadsAtOnceAndErrorsKeepServing) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  const ConfigFile config("log: {level: info}\n");
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--config", config.path()}});
  config.Replace("log: {level: loud}\n");
  gateway.process().Signal(SIGHUP);
  EXPECT_THAT(gateway.WaitForEvent("config_reload_failed").value_or("none"),
              HasSubstr("log.level"));
  EXPECT_EQ(Reloads(gateway, "failure"), 1);
  EXPECT_EQ(Reloads(gateway, "success"), 0);
  EXPECT_THAT(DeleteClient(gateway.grpc_address()).Delete(), HasCode(grpc::StatusCode::OK));
}

}  // namespace
}  // namespace evalrun::testing
