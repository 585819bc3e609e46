// SPDX-License-Identifier: Apache-2.0
//
// Which upstream key is used for each call, also while the keys change.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/config_file.h"
#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;
using ::testing::Not;

// Replaces a file atomically. The file is removed with its folder.
void Write(const std::filesystem::path& path, const std::string& content) {
  const std::filesystem::path next = path.string() + ".next";
  std::ofstream(next) << content << std::flush;
  std::filesystem::rename(next, path);
}

class KeysTest : public ::testing::Test {
 protected:
  KeysTest() {
    Write(Path("default"), "key-default-1");
    Write(Path("team-a"), "key-team-a-1");
    Write(Path("workspace"), "key-workspace-1");
    WriteConfig("");
  }

  void WriteConfig(const std::string& more) const {
    config_.Replace(more +
                    "identity: {metadata_key: x-caller, trusted_networks: [127.0.0.0/8]}\n"
                    "upstream:\n"
                    "  api_key_file: " +
                    Path("default").string() +
                    "\n"
                    "  keys:\n"
                    "    - {name: team-a, file: " +
                    Path("team-a").string() +
                    ", identities: ['metadata:team-a']}\n"
                    "    - {name: workspace, file: " +
                    Path("workspace").string() + ", workspaces: [workspace." + kWorkspace + "]}\n");
  }

  [[nodiscard]] std::filesystem::path Path(const std::string& name) const {
    return config_.path() + "." + name;
  }

  void Start(const std::string& upstream) {
    gateway_.emplace(
        GatewayProcess::Options{.upstream = upstream, .flags = {"--config", config_.path()}});
    client_.emplace(gateway_->grpc_address());
  }

  static DeleteCall As(const std::string& caller,
                       std::optional<std::string> workspace = std::nullopt,
                       const std::string& request_id = "r") {
    return {.workspace_uuid = std::move(workspace),
            .metadata = {{"x-caller", caller}, {"x-request-id", request_id}}};
  }

  ConfigFile config_{"{}\n"};
  std::optional<GatewayProcess> gateway_;
  std::optional<DeleteClient> client_;
};

TEST_F(KeysTest, SelectsByCallerThenWorkspaceThenDefault) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  Start(upstream.url());
  const struct {
    const char* caller;
    std::optional<std::string> workspace;
    const char* name;
  } cases[] = {
      {"team-a", std::nullopt, "team-a"},
      {"team-a", kWorkspace, "team-a"},
      {"team-b", "7D9F3C52-8A41-4B6E-9D0C-2F5E8B1A7C34", "workspace"},
      {"team-b", "7d9f3c52-8a41-4b6e-9d0c-2f5e8b1a7c35", "default"},
      {"team-b", std::nullopt, "default"},
  };
  int number = 0;
  for (const auto& c : cases) {
    const std::string request_id = std::to_string(number++);
    EXPECT_THAT(client_->Delete(As(c.caller, c.workspace, request_id)), HasCode(StatusCode::OK));
    EXPECT_EQ(upstream.requests().back().Header("x-api-key"), "key-" + std::string(c.name) + "-1");
    EXPECT_EQ(gateway_->WaitForAccessLine(request_id)->value("upstream_key", ""), c.name);
  }
  EXPECT_THAT(gateway_->process().all_output(), Not(HasSubstr("-1\"")));
}

TEST_F(KeysTest, RejectedCallHasNoKey) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  Start(upstream.url());
  client_->Delete(As("team-a", "../x", "malformed"));
  EXPECT_FALSE(gateway_->WaitForAccessLine("malformed")->contains("upstream_key"));
}

TEST_F(KeysTest, NewCallsUseTheNewKeyAndRunningCallsKeepTheirs) {
  Latch latch;
  // The first attempt of the first call gets a late response, so that its retry comes after the key
  // has changed.
  ScriptedUpstream upstream(InOrder({RespondWhen(latch, HttpReply(503)), Respond(HttpReply(204))}));
  Start(upstream.url());
  PendingDelete running = client_->Start(As("team-a"));
  ASSERT_TRUE(upstream.WaitForRequests(1));
  Write(Path("team-a"), "key-team-a-2\n");
  ASSERT_TRUE(gateway_->WaitForEvent("upstream_key_changed", "\"team-a\"").has_value());
  EXPECT_THAT(client_->Delete(As("team-a")), HasCode(StatusCode::OK));
  EXPECT_EQ(upstream.requests().back().Header("x-api-key"), "key-team-a-2");
  latch.Open();
  EXPECT_THAT(running.Get(), HasCode(StatusCode::OK));
  EXPECT_EQ(upstream.requests().back().Header("x-api-key"), "key-team-a-1")
      << "the retry uses the same key";
  EXPECT_EQ(gateway_->Metric("gateway_config_restart_needed"), 0);
}

TEST_F(KeysTest, KeepsOldKeysWhenAFileHoldsNone) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  Start(upstream.url());
  Write(Path("default"), "key-default-2");
  Write(Path("team-a"), "two words");
  gateway_->process().Signal(SIGHUP);
  ASSERT_TRUE(gateway_->WaitForEvent("config_reload_failed", "team-a").has_value());
  EXPECT_THAT(client_->Delete(As("team-b")), HasCode(StatusCode::OK));
  EXPECT_EQ(upstream.requests().back().Header("x-api-key"), "key-default-1");
  Write(Path("team-a"), "key-team-a-2");
  ASSERT_TRUE(gateway_->WaitForEvent("upstream_key_changed", "\"default\"").has_value());
  EXPECT_THAT(client_->Delete(As("team-b")), HasCode(StatusCode::OK));
  EXPECT_EQ(upstream.requests().back().Header("x-api-key"), "key-default-2");
}

TEST_F(KeysTest, Http429DelaysOnlyItsOwnKey) {
  ScriptedUpstream upstream([](const ReceivedRequest& request, UpstreamConnection& connection) {
    connection.Write(request.Header("x-api-key") == "key-team-a-1"
                         ? ApiErrorReply(429, "quota.limit_exceeded", "Retry-After: 60\r\n")
                         : HttpReply(204));
  });
  Start(upstream.url());
  EXPECT_THAT(client_->Delete(As("team-a")), HasCode(StatusCode::RESOURCE_EXHAUSTED));
  EXPECT_THAT(client_->Delete(As("team-a")), HasReason("UPSTREAM_HOLD_BACK"));
  EXPECT_THAT(client_->Delete(As("team-b")), HasCode(StatusCode::OK));
  EXPECT_EQ(gateway_->Metric("gateway_hold_backs_total"), 1);
}

TEST_F(KeysTest, RateLimitsEachKeySeparately) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  WriteConfig("limits: {rules: [{name: vendor, by: upstream_key, rate: 1/h, burst: 1}]}\n");
  Start(upstream.url());
  for (const char* caller : {"team-a", "team-b"}) {
    EXPECT_THAT(client_->Delete(As(caller)), HasCode(StatusCode::OK)) << caller;
    EXPECT_THAT(client_->Delete(As(caller)), HasReason("RATE_LIMITED")) << caller;
  }
}

TEST_F(KeysTest, RedactsAnEchoOfTheKey) {
  ScriptedUpstream upstream([](const ReceivedRequest& request, UpstreamConnection& connection) {
    connection.Write(HttpReply(403, ApiError("auth.x", "bad key " + *request.Header("x-api-key"),
                                             *request.Header("x-api-key"))));
  });
  Start(upstream.url());
  for (const char* caller : {"team-a", "team-b"}) {
    const DeleteReply reply = client_->Delete(As(caller, std::nullopt, caller));
    EXPECT_EQ(reply.message, "bad key [redacted]");
    ASSERT_TRUE(gateway_->WaitForAccessLine(caller).has_value());
  }
  EXPECT_THAT(gateway_->process().all_output(), Not(HasSubstr("key-team-a-1")));
  EXPECT_THAT(gateway_->process().all_output(), Not(HasSubstr("key-default-1")));
}

TEST_F(KeysTest, ExposesTheFileTimeOfEachKey) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  Start(upstream.url());
  for (const char* name : {"default", "team-a", "workspace"}) {
    EXPECT_GT(gateway_
                  ->Metric("gateway_api_key_changed_timestamp_seconds",
                           {"key=\"" + std::string(name) + "\""})
                  .value_or(0),
              1.6e9)
        << name;
  }
}

}  // namespace
}  // namespace evalrun::testing
