// SPDX-License-Identifier: Apache-2.0
//
// The canary test: every kind of secret is a recognizable string, the peers repeat everything that
// they receive, and then every byte that the gateway wrote is searched for the secrets.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/config_file.h"
#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using grpc::StatusCode;

// No secret is a part of another one.
constexpr char kKey[] = "canary1-api-key-in-its-file";
constexpr char kNextKey[] = "canary2-api-key-after-a-change";
constexpr char kTeamKey[] = "canary3-key-of-one-team";
constexpr char kBrokenKey[] = "canary4-key";  // in a file that is rejected
constexpr char kVariableKey[] = "canary5-key-in-the-variable-that-is-not-looked-at";
constexpr char kProxyUser[] = "canary6-proxy-user";
constexpr char kProxyPassword[] = "canary7-proxy-password";
constexpr char kRedisPassword[] = "canary8-password-of-redis";
const std::vector<std::string> kSecrets = {
    kRedisPassword, kKey, kNextKey, kTeamKey, kBrokenKey, kVariableKey, kProxyUser, kProxyPassword};

// Fails if `text` contains one of the secrets other than `allowed`, in any letter case, or in
// base64 or hexadecimal.
void ExpectNone(const std::string& where, std::string text, const std::string& allowed = "") {
  std::vector<std::string> forms;
  for (const std::string& secret : kSecrets) {
    if (secret != allowed) forms.insert(forms.end(), {secret, absl::BytesToHexString(secret)});
  }
  // As `Proxy-Authorization: Basic` encodes them.
  forms.push_back(absl::Base64Escape(std::string(kProxyUser) + ":" + kProxyPassword));
  std::string lower = absl::AsciiStrToLower(text);
  std::ranges::replace(lower, '_', '-');  // as it might appear in a reason
  for (const std::string& form : forms) {
    EXPECT_EQ(lower.find(absl::AsciiStrToLower(form)), std::string::npos)
        << where << " holds " << form;
  }
}

// Everything in the reply as plain text, with the details decoded, so that no encoding hides
// anything.
std::string EverythingIn(const DeleteReply& reply) {
  std::string all = reply.message + "\n";
  for (const auto* metadata : {&reply.initial_metadata, &reply.trailing_metadata}) {
    for (const auto& [key, value] : *metadata) all.append(key).append(": ").append(value) += '\n';
  }
  if (reply.error_info) all += reply.error_info->DebugString();
  if (reply.request_info) all += reply.request_info->DebugString();
  if (reply.bad_request) all += reply.bad_request->DebugString();
  if (reply.resource_info) all += reply.resource_info->DebugString();
  if (reply.upstream_details) all += reply.upstream_details->DebugString();
  return all;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Write(const std::filesystem::path& path, const std::string& content) {
  const std::filesystem::path next = path.string() + ".next";
  std::ofstream(next) << content << std::flush;
  std::filesystem::rename(next, path);
}

class SecretLeakTest : public ::testing::Test {
 protected:
  SecretLeakTest() {
    Write(Path("key"), kKey);
    Write(Path("team"), kTeamKey);
    WriteConfig("");
  }

  [[nodiscard]] std::filesystem::path Path(const std::string& name) const {
    return config_.path() + "." + name;
  }

  void WriteConfig(const std::string& proxy, const std::string& more = "") const {
    config_.Replace(more +
                    "identity: {metadata_key: x-caller, trusted_networks: [127.0.0.0/8]}\n"
                    "log: {level: debug}\n"
                    "audit: {to: " +
                    Path("audit").string() +
                    "}\n"
                    "upstream:\n" +
                    proxy + "  api_key_file: " + Path("key").string() +
                    "\n"
                    "  keys: [{name: team, file: " +
                    Path("team").string() + ", identities: ['metadata:team']}]\n");
  }

  void Start(const std::string& upstream) {
    gateway_.emplace(GatewayProcess::Options{.upstream = upstream,
                                             .flags = {"--config", config_.path()},
                                             .env = {{"AYMARA_AI_API_KEY", kVariableKey}}});
    client_.emplace(gateway_->grpc_address());
  }

  DeleteReply Delete(const std::string& caller, const std::string& run = kRun) {
    const DeleteReply reply =
        client_->Delete({.eval_run_uuid = run, .metadata = {{"x-caller", caller}}});
    ExpectNone("the response to a caller", EverythingIn(reply));
    return reply;
  }

  // Searches what a gateway exposes, and finally everything that it wrote.
  void SearchRemainingOutputs() {
    for (const char* path : {"/", "/metrics", "/config", "/status.json", "/healthz", "/readyz",
                             "/loglevel", "/missing"}) {
      ExpectNone(path, gateway_->Get(path).body);
    }
    const std::string proc = "/proc/" + std::to_string(gateway_->process().pid());
    for (const char* file : {"/cmdline", "/comm", "/status"}) {
      ExpectNone(proc + file, ReadFile(proc + file));
    }
    gateway_->process().Signal(SIGTERM);
    ASSERT_TRUE(gateway_->process().WaitForExit().has_value());
    ExpectNone("the output", gateway_->process().all_output());
    ExpectNone("the audit", ReadFile(Path("audit")));
    EXPECT_FALSE(ReadFile(Path("audit")).empty());
  }

  ConfigFile config_{"{}\n"};
  std::optional<GatewayProcess> gateway_;
  std::optional<DeleteClient> client_;
};

// An upstream that repeats the whole request wherever possible.
void Echo(const ReceivedRequest& request, UpstreamConnection& connection) {
  const std::string key = request.Header("x-api-key").value_or("");
  const std::string details = R"({"key": ")" + key + R"(", ")" + key + R"(": [")" + key + R"("]})";
  connection.Write(HttpReply(
      409, ApiError(key, "key " + key + " of " + absl::CEscape(request.raw), key, details),
      "application/json",
      "x-request-id: " + key + "\r\nx-echo: " + key + "\r\nset-cookie: " + key + "\r\n"));
}

TEST_F(SecretLeakTest, RedactsKeysEchoedByTheUpstream) {
  ScriptedUpstream upstream(Echo);
  Start(upstream.url());
  const DeleteReply reply = Delete("x");
  EXPECT_EQ(reply.code, StatusCode::ABORTED);
  ASSERT_TRUE(reply.upstream_details.has_value());
  EXPECT_EQ(reply.upstream_details->fields().at("key").string_value(), "[redacted]");
  EXPECT_EQ(Delete("team").code, StatusCode::ABORTED);
  Delete("x", "../" + std::string(kRun));
  Write(Path("key"), kNextKey);
  ASSERT_TRUE(gateway_->WaitForEvent("upstream_key_changed").has_value());
  EXPECT_EQ(Delete("x").code, StatusCode::ABORTED);
  Write(Path("team"), std::string(kBrokenKey) + " and a blank");
  gateway_->process().Signal(SIGHUP);
  ASSERT_TRUE(gateway_->WaitForEvent("config_reload_failed").has_value());
  EXPECT_EQ(Delete("team").code, StatusCode::ABORTED);

  // Each request contains its own key, only in the one header, and no other key.
  const std::string sent[] = {kKey, kTeamKey, kNextKey, kTeamKey};
  const std::vector<ReceivedRequest> requests = upstream.requests();
  ASSERT_EQ(requests.size(), std::size(sent));
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(requests[i].Header("x-api-key"), sent[i]);
    ExpectNone("a request", requests[i].raw, sent[i]);
    EXPECT_EQ(requests[i].raw.find(sent[i]), requests[i].raw.rfind(sent[i]))
        << "the request contains the key more than once";
  }
  SearchRemainingOutputs();
}

TEST_F(SecretLeakTest, RedactsCredentialsEchoedByTheProxy) {
  for (const int status : {407, 502}) {
    ScriptedUpstream proxy(
        [status](const ReceivedRequest& request, UpstreamConnection& connection) {
          const std::string authorization = request.Header("proxy-authorization").value_or("");
          connection.Write(HttpReply(status, authorization + request.raw, "text/plain",
                                     "x-echo: " + authorization + "\r\n"));
          connection.Close();
        });
    WriteConfig("  proxy: http://" + std::string(kProxyUser) + ":" + kProxyPassword +
                "@127.0.0.1:" + std::to_string(proxy.port()) + "\n");
    Start("https://upstream.invalid/v2");
    EXPECT_NE(Delete("x").code, StatusCode::OK);
    ASSERT_GE(proxy.requests().size(), 1u);
    for (const ReceivedRequest& request : proxy.requests()) {
      EXPECT_EQ(request.method, "CONNECT");
      EXPECT_TRUE(request.Header("proxy-authorization").has_value());
      EXPECT_EQ(request.raw.find(kKey), std::string::npos) << "the proxy received the key";
    }
    SearchRemainingOutputs();
  }
}

// A Redis that repeats the password in its error.
TEST_F(SecretLeakTest, RedactsAPasswordEchoedByRedis) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  ScriptedUpstream redis(
      Hang(), {.on_connect = [](UpstreamConnection& connection) {
        connection.Write("-WRONGPASS no user has " + std::string(kRedisPassword) + "\r\n");
        connection.WaitForPeerToClose();
      }});
  Write(Path("redis"), kRedisPassword);
  WriteConfig("",
              "limits:\n"
              "  rules: [{name: all, by: gateway, rate: 1000/s, burst: 1000}]\n"
              "  replicas: 2\n"
              "  redis: {address: 127.0.0.1:" +
                  std::to_string(redis.port()) + ", password_file: " + Path("redis").string() +
                  "}\n");
  Start(upstream.url());
  ASSERT_TRUE(redis.WaitForClosedConnections(1));
  EXPECT_EQ(Delete("x").code, StatusCode::OK);
  SearchRemainingOutputs();
}

TEST_F(SecretLeakTest, PrintedConfigurationContainsNoSecrets) {
  WriteConfig("  proxy: http://" + std::string(kProxyUser) + ":" + kProxyPassword + "@h:1\n");
  for (const char* action : {"--print-config", "--check-config", "--help", "--version"}) {
    ChildProcess program(
        GatewayProcess::MakeCommand({.upstream = "http://h/v2",
                                     .flags = {"--config", config_.path(), action},
                                     .env = {{"AYMARA_AI_API_KEY", kVariableKey}}}));
    const auto exit = program.WaitForExit();
    ASSERT_TRUE(exit.has_value());
    EXPECT_EQ(exit->code, 0) << action;
    ExpectNone(action, program.all_output());
  }
}

}  // namespace
}  // namespace evalrun::testing
