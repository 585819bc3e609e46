// SPDX-License-Identifier: Apache-2.0
//
// Headers that crash, or have crashed, other servers.
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/raw_http2.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

// CVE-2023-1428: each of these, followed by so many headers that their limit is exceeded, aborted
// gRPC.
TEST(HeadersTest, SurvivesHeadersOfCve20231428) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  GatewayProcess gateway(
      {.upstream = upstream.url(), .flags = {"--server-max-metadata-bytes=8192"}});
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"te", "x"}, {":scheme", "x"}, {"grpclb_client_stats", "x"}};
  for (const auto& header : headers) {
    for (const std::size_t size : {100, 7000, 9000, 15000}) {
      CallOverRawHttp2(gateway.grpc_address(), "", {header, {"x-more", std::string(size, 'a')}});
      EXPECT_THAT(DeleteClient(gateway.grpc_address()).Delete(), HasCode(grpc::StatusCode::OK))
          << header.first << " " << size;
    }
  }
}

}  // namespace
}  // namespace evalrun::testing
