// SPDX-License-Identifier: Apache-2.0
//
// The caller's identity in the real gateway. Certificates are covered by unit tests.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/config_file.h"
#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

// The caller in the log line of a call with this metadata.
std::string FindCaller(GatewayProcess& gateway,
                       std::vector<std::pair<std::string, std::string>> metadata) {
  metadata.emplace_back("x-request-id", "who");
  DeleteClient(gateway.grpc_address()).Delete({.metadata = std::move(metadata)});
  const auto line = gateway.WaitForAccessLine("who");
  return line.has_value() ? line->value("caller", "") : "no line";
}

TEST(IdentityTest, IdentifiesAPeerByAddress) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway({.upstream = upstream.url()});
  EXPECT_EQ(FindCaller(gateway, {{"x-caller", "team-a"}}), "ip:127.0.0.1");
}

TEST(IdentityTest, BelievesTheIdentityClaimedByATrustedPeer) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  const ConfigFile config("identity: {metadata_key: x-caller, trusted_networks: [127.0.0.0/8]}\n");
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--config", config.path()}});
  EXPECT_EQ(FindCaller(gateway, {{"x-caller", "team-a"}}), "metadata:team-a");
}

TEST(IdentityTest, IgnoresDuplicateClaims) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  const ConfigFile config("identity: {metadata_key: x-caller, trusted_networks: [127.0.0.0/8]}\n");
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--config", config.path()}});
  EXPECT_EQ(FindCaller(gateway, {{"x-caller", "team-a"}, {"x-caller", "team-b"}}), "ip:127.0.0.1");
}

TEST(IdentityTest, IgnoresClaimsOfUntrustedPeers) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  const ConfigFile config("identity: {metadata_key: x-caller, trusted_networks: [10.0.0.0/8]}\n");
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--config", config.path()}});
  EXPECT_EQ(FindCaller(gateway, {{"x-caller", "team-a"}}), "ip:127.0.0.1");
}

}  // namespace
}  // namespace evalrun::testing
