// SPDX-License-Identifier: Apache-2.0
//
// One audit line per call, allowed or rejected, in the log or in a file that is rotated.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <thread>
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
using nlohmann::json;
using ::testing::HasSubstr;

// The audit lines in `lines`, by request id.
std::map<std::string, json> ParseAuditLines(const std::vector<std::string>& lines) {
  std::map<std::string, json> audit;
  for (const std::string& text : lines) {
    const json line = json::parse(text);
    if (line.value("event", "") != "audit") continue;
    EXPECT_TRUE(audit.emplace(line.value("request_id", ""), line).second)
        << "two lines for one request: " << text;
  }
  return audit;
}

std::vector<std::string> ReadLines(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

const std::string kPolicy =
    "identity: {metadata_key: x-caller, trusted_networks: [127.0.0.0/8]}\n"
    "authorization: {rules: [{identities: ['metadata:team-a'], workspaces: [(unset)]}]}\n";

DeleteCall As(const std::string& caller, const std::string& request_id,
              const std::string& run = kRun) {
  return {.eval_run_uuid = run, .metadata = {{"x-caller", caller}, {"x-request-id", request_id}}};
}

TEST(AuditTest, WritesOneLinePerCall) {
  ScriptedUpstream upstream(InOrder({Respond(HttpReply(204)), Hang()}));
  const ConfigFile config(kPolicy);
  GatewayProcess gateway({.upstream = upstream.url(),
                          .flags = {"--config", config.path(), "--audit=log", "--access-log=false",
                                    "--log-ok-sample-percent=0", "--retry-budget=false"}});
  const DeleteClient client(gateway.grpc_address());
  client.Delete(As("team-a", "allowed"));
  client.Delete(As("team-b", "denied"));
  client.Delete(As("team-a", "malformed", "../x"));
  PendingDelete pending = client.Start(As("team-a", "cancelled"));
  ASSERT_TRUE(upstream.WaitForRequests(2));
  pending.Cancel();
  gateway.process().Signal(SIGTERM);
  ASSERT_TRUE(gateway.process().WaitForExit().has_value());

  const auto audit = ParseAuditLines(gateway.process().stdout_lines());
  ASSERT_EQ(audit.size(), 4u);
  const struct {
    const char* request_id;
    const char* caller;
    const char* authorization;
    const char* code;
    const char* deletion;
  } cases[] = {
      {"allowed", "metadata:team-a", "allowed", "OK", "performed"},
      {"denied", "metadata:team-b", "denied", "PERMISSION_DENIED", "not_performed"},
      {"malformed", "metadata:team-a", "", "INVALID_ARGUMENT", "not_performed"},
      {"cancelled", "metadata:team-a", "allowed", "CANCELLED", "unknown"},
  };
  for (const auto& c : cases) {
    ASSERT_EQ(audit.count(c.request_id), 1u) << c.request_id;
    const json& line = audit.at(c.request_id);
    EXPECT_EQ(line.value("caller", ""), c.caller) << c.request_id;
    EXPECT_EQ(line.value("authorization", ""), c.authorization) << c.request_id;
    EXPECT_EQ(line.value("rpc.response.status_code", ""), c.code) << c.request_id;
    EXPECT_EQ(line.value("deletion", ""), c.deletion) << c.request_id;
  }
}

TEST(AuditTest, LosesNoLineWhenRotatedUnderLoad) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  const ConfigFile folder("{}\n");
  const std::filesystem::path path = folder.path() + ".audit";
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--audit", path.string()}});
  const DeleteClient client(gateway.grpc_address());
  int calls = 0;
  const auto call = [&] { client.Delete(As("x", std::to_string(calls++))); };
  for (int i = 0; i < 20; ++i) call();
  while (ReadLines(path).size() < 20) std::this_thread::yield();
  std::filesystem::rename(path, path.string() + ".1");
  for (int i = 0; i < 20; ++i) call();
  gateway.process().Signal(SIGHUP);
  ASSERT_TRUE(gateway.WaitForEvent("audit_file_opened").has_value());
  for (int i = 0; i < 20; ++i) call();
  gateway.process().Signal(SIGTERM);
  ASSERT_TRUE(gateway.process().WaitForExit().has_value());

  std::vector<std::string> lines = ReadLines(path.string() + ".1");
  EXPECT_GE(lines.size(), 20u);
  const std::vector<std::string> rest = ReadLines(path);
  EXPECT_GE(rest.size(), 20u);
  lines.insert(lines.end(), rest.begin(), rest.end());
  EXPECT_EQ(ParseAuditLines(lines).size(), 60u);
}

TEST(AuditTest, ReopensAMovedFileWithoutASignal) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  const ConfigFile folder("{}\n");
  const std::filesystem::path path = folder.path() + ".audit";
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--audit", path.string()}});
  std::filesystem::remove(path);
  EXPECT_TRUE(gateway.WaitForEvent("audit_file_opened").has_value());
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(AuditTest, LogsAFullDiskAndKeepsServing) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  const ConfigFile folder("{}\n");
  const std::string path = folder.path() + ".audit";
  // No file of the gateway may grow: it inherits the limit.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit full{.rlim_cur = 0, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--audit=" + path}});
  setrlimit(RLIMIT_FSIZE, &before);
  const DeleteClient client(gateway.grpc_address());
  for (int i = 0; i < 3; ++i) EXPECT_THAT(client.Delete(), HasCode(StatusCode::OK));
  EXPECT_TRUE(gateway.WaitForEvent("audit_lines_lost").has_value());
  EXPECT_GE(gateway.Metric("gateway_audit_lines_dropped_total").value_or(-1), 1);
}

// No file of a gateway that is started meanwhile may grow beyond this.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

TEST(AuditTest, RefuseWritesAnIntentBeforeTheFirstAttempt) {
  const ConfigFile folder("{}\n");
  const std::string path = folder.path() + ".audit";
  ScriptedUpstream upstream(Hang());
  GatewayProcess gateway(
      {.upstream = upstream.url(), .flags = {"--audit=" + path, "--audit-on-failure=refuse"}});
  const DeleteClient client(gateway.grpc_address());
  PendingDelete pending = client.Start(As("x", "r"));
  ASSERT_TRUE(upstream.WaitForRequests(1));
  const std::vector<std::string> lines = ReadLines(path);
  ASSERT_EQ(lines.size(), 1u) << "it is there before anything is sent";
  EXPECT_EQ(json::parse(lines[0]).value("event", ""), "audit_intent");
  EXPECT_EQ(json::parse(lines[0]).value("request_id", ""), "r");
  EXPECT_EQ(json::parse(lines[0]).value("eval_run_uuid", ""), kRun);
  pending.Cancel();
  gateway.process().Signal(SIGTERM);
  ASSERT_TRUE(gateway.process().WaitForExit().has_value());
  EXPECT_EQ(ParseAuditLines(ReadLines(path)).at("r").value("deletion", ""), "unknown");
}

TEST(AuditTest, RefuseSendsNothingWhileTheDiskIsFull) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  const ConfigFile folder("{}\n");
  const std::string path = folder.path() + ".audit";
  std::optional<GatewayProcess> gateway;
  {
    const FileSizeLimit full(0);
    gateway.emplace(GatewayProcess::Options{
        .upstream = upstream.url(), .flags = {"--audit=" + path, "--audit-on-failure=refuse"}});
  }
  const DeleteClient client(gateway->grpc_address());
  for (int i = 0; i < 3; ++i) {
    const DeleteReply reply = client.Delete();
    EXPECT_THAT(reply, HasCode(StatusCode::UNAVAILABLE));
    EXPECT_THAT(reply, HasReason("AUDIT_UNAVAILABLE"));
    EXPECT_THAT(reply, HasDeletion("not_performed"));
    EXPECT_THAT(reply, HasAttempts(0));
    EXPECT_THAT(reply, IsWellFormedError());
  }
  EXPECT_TRUE(upstream.requests().empty());
  EXPECT_EQ(gateway->Metric("gateway_audit_rejections_total"), 3);
  EXPECT_TRUE(gateway->WaitForEvent("audit_lines_lost").has_value());
  EXPECT_EQ(gateway->Get("/readyz").status, 200);
}

// A file that fills up, and is moved away: the next one has space.
TEST(AuditTest, RefuseRecoversAndSendsNothingWithoutAWholeLine) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  const ConfigFile folder("{}\n");
  const std::string path = folder.path() + ".audit";
  std::optional<GatewayProcess> gateway;
  {
    const FileSizeLimit nearly_full(2000);
    gateway.emplace(GatewayProcess::Options{
        .upstream = upstream.url(), .flags = {"--audit=" + path, "--audit-on-failure=refuse"}});
  }
  const DeleteClient client(gateway->grpc_address());
  std::size_t deleted = 0;
  while (client.Delete(As("x", std::to_string(deleted))).code == StatusCode::OK) {
    ASSERT_LT(++deleted, 10u) << "2000 bytes are no more than that many lines";
  }
  EXPECT_GE(deleted, 1u);
  EXPECT_EQ(upstream.requests().size(), deleted);
  std::size_t intents = 0;
  for (const std::string& line : ReadLines(path)) {
    const json parsed = json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!parsed.is_discarded() && parsed.value("event", "") == "audit_intent") ++intents;
  }
  EXPECT_EQ(intents, deleted) << "each that was sent has one";

  std::filesystem::rename(path, path + ".1");
  ASSERT_TRUE(gateway->WaitForEvent("audit_file_opened").has_value());
  EXPECT_THAT(client.Delete(), HasCode(StatusCode::OK));
}

TEST(AuditTest, RefuseNeedsAFile) {
  for (const char* to : {"off", "log"}) {
    ChildProcess gateway(GatewayProcess::MakeCommand(
        {.upstream = "http://127.0.0.1:1",
         .flags = {std::string("--audit=") + to, "--audit-on-failure=refuse"}}));
    const auto exit = gateway.WaitForExit();
    ASSERT_TRUE(exit.has_value());
    EXPECT_EQ(exit->code, 2);
    EXPECT_THAT(gateway.all_output(), HasSubstr("unless audit.to is a file"));
  }
}

// It would wait for a reader of the pipe, before its first line and deaf to SIGTERM.
TEST(AuditTest, FailsToStartWithAPipe) {
  const ConfigFile folder("{}\n");
  const std::string path = folder.path() + ".pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  for (const bool check_only : {false, true}) {
    std::vector<std::string> flags = {"--audit=" + path};
    if (check_only) flags.emplace_back("--check-config");
    ChildProcess gateway(
        GatewayProcess::MakeCommand({.upstream = "http://127.0.0.1:1", .flags = flags}));
    const auto exit = gateway.WaitForExit();
    ASSERT_TRUE(exit.has_value());
    EXPECT_EQ(exit->code, check_only ? 2 : 1);
    EXPECT_THAT(gateway.all_output(), HasSubstr("it is not a regular file"));
  }
}

TEST(AuditTest, APipeInPlaceOfAMovedFileIsReportedAndStopsNothing) {
  ScriptedUpstream upstream(Respond(HttpReply(204)));
  const ConfigFile folder("{}\n");
  const std::string path = folder.path() + ".audit";
  GatewayProcess gateway({.upstream = upstream.url(), .flags = {"--audit=" + path}});
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_TRUE(gateway.WaitForEvent("audit_file_lost").has_value());
  EXPECT_EQ(gateway.Metric("gateway_audit_file_unavailable"), 1);
  std::filesystem::remove(path);
  EXPECT_TRUE(gateway.WaitForEvent("audit_file_opened").has_value());
  gateway.process().Signal(SIGTERM);
  const auto exit = gateway.process().WaitForExit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->code, 0);
}

TEST(AuditTest, FailsToStartWhenFileCannotBeOpened) {
  ChildProcess gateway(GatewayProcess::MakeCommand(
      {.upstream = "http://127.0.0.1:1", .flags = {"--audit=/proc/missing/audit"}}));
  const auto exit = gateway.WaitForExit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->code, 1);
  EXPECT_THAT(gateway.all_output(), HasSubstr("/proc/missing/audit"));
}

}  // namespace
}  // namespace evalrun::testing
