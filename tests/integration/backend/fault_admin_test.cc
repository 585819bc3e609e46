// SPDX-License-Identifier: Apache-2.0
//
// The admin port for fault scripts, and the flag that loads one.
#include <signal.h>

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/backend/fault_backend.h"
#include "tests/integration/backend/raw_connection.h"

namespace evalrun::backend {
namespace {

using nlohmann::json;

constexpr char kScript[] =
    R"({"seed": 7, "rules": [{"name": "n", "fault": "respond", "status": 500}]})";

TEST_F(FaultBackend, StartsWithoutRules) {
  EXPECT_EQ(Report(), json::parse(R"({"seed": 0, "rules": [], "held": 0})"));
  EXPECT_TRUE(RunIsThere());
}

TEST_F(FaultBackend, ReturnsScriptWithCountsAndResetsOnReplace) {
  httplib::Client admin = backend_.ConnectAdmin();
  const json expected = json::parse(R"({"seed": 7, "held": 0, "rules": [
    {"name": "n", "fault": "respond", "status": 500, "matched": 0, "applied": 0}]})");
  EXPECT_EQ(json::parse(admin.Put("/faults", kScript, "application/json")->body), expected);
  EXPECT_FALSE(RunIsThere());
  EXPECT_EQ(Report()["rules"][0]["matched"], 1);
  EXPECT_EQ(json::parse(admin.Put("/faults", kScript, "application/json")->body), expected);
}

TEST_F(FaultBackend, InvalidScriptIsRejectedWithoutEffect) {
  httplib::Client admin = backend_.ConnectAdmin();
  static_cast<void>(admin.Put("/faults", kScript, "application/json"));
  EXPECT_FALSE(RunIsThere());
  for (const char* wrong : {"", "{", R"({"rules": [{"name": "x", "fault": "nope"}]})"}) {
    const auto refused = admin.Put("/faults", wrong, "application/json");
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 400) << wrong;
    EXPECT_TRUE(json::parse(refused->body)["detail"].is_string()) << refused->body;
  }
  EXPECT_EQ(Report()["rules"][0]["matched"], 1);
}

TEST_F(FaultBackend, DeleteClearsTheScript) {
  httplib::Client admin = backend_.ConnectAdmin();
  static_cast<void>(admin.Put("/faults", kScript, "application/json"));
  EXPECT_EQ(admin.Delete("/faults")->status, 204);
  EXPECT_EQ(Report()["rules"], json::array());
  EXPECT_TRUE(RunIsThere());
}

TEST_F(FaultBackend, ReleaseWithoutHeldRequestsReturnsZero) {
  EXPECT_EQ(backend_.ConnectAdmin().Post("/faults/release")->body, "{\"released\":0}\n");
}

TEST_F(FaultBackend, AdminAndApiRoutesAreSeparate) {
  EXPECT_EQ(backend_.ConnectAdmin().Get("/v2/eval-runs")->status, 404);
  EXPECT_EQ(backend_.Connect().Get("/faults")->status, 404);
  const auto post = backend_.ConnectAdmin().Post("/faults");
  EXPECT_EQ(post->status, 405);
  EXPECT_EQ(post->get_header_value("Allow"), "DELETE, GET, PUT");
}

TEST_F(FaultBackend, UnroutedRequestsAreNotMatched) {
  PutRule(R"("fault": "drop_after_reading")");
  EXPECT_EQ(backend_.Connect().Get("/nope")->status, 404);
  EXPECT_EQ(Report()["rules"][0]["matched"], 0);
}

TEST_F(FaultBackend, RuleMatchesAnySpellingOfTheRun) {
  PutRule(std::string(R"("fault": "respond", "status": 500, "eval_run_uuid": ")") + ids::kRun +
          "\"");
  httplib::Client client = backend_.Connect();
  const httplib::Headers key = {{"x-api-key", ids::kKey}};
  for (const char* name : {"score_run.ABCDEF00-0000-4000-8000-000000000001",
                           "%61bcdef00-0000-4000-8000-000000000001"}) {
    EXPECT_EQ(client.Get(std::string("/v2/eval-runs/") + name, key)->status, 500) << name;
  }
  EXPECT_EQ(client.Get(std::string("/v2/eval-runs/") + ids::kProcessingRun, key)->status, 200);
}

TEST(FaultFile, IsReloadedAfterSigkill) {
  const TempDirectory directory;
  const std::string file = directory.Write("faults.json", kScript);
  for (int start = 0; start < 2; ++start) {
    BackendProcess backend(directory,
                           BackendProcess::WithDefaultArguments(directory, {"--faults", file}));
    ASSERT_NE(backend.WaitForPort(), 0);
    EXPECT_EQ(backend.admin_port(), 0) << "there is an admin port without the flag";
    EXPECT_EQ(backend.Connect().Get("/health/")->status, 500);
    backend.Signal(SIGKILL);
    backend.Wait();
  }
}

TEST(FaultFile, InvalidFileFailsStartup) {
  const TempDirectory directory;
  const std::string file = directory.Write("faults.json", R"({"rules": [{"name": "n"}]})");
  BackendProcess backend(directory, {"--faults", file});
  ASSERT_EQ(backend.WaitForPort(), 0) << "it started anyway";
  const ExitResult ended = backend.Wait();
  EXPECT_EQ(ended.exit_status, 2);
  EXPECT_NE(ended.standard_error.find(file + ": `rules[0].fault`"), std::string::npos)
      << ended.standard_error;
}

}  // namespace
}  // namespace evalrun::backend
