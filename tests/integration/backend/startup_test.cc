// SPDX-License-Identifier: Apache-2.0
//
// Flags, the seed, and the backend's output.
#include <signal.h>

#include <fstream>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/backend/backend_process.h"
#include "tests/integration/backend/case_name.h"

namespace evalrun::backend {
namespace {

using nlohmann::json;

struct BadFlags {
  const char* name;
  std::vector<std::string> arguments;
  std::string sentence;  // part of stderr

  friend void PrintTo(const BadFlags& c, std::ostream* out) { *out << c.name; }
};

class BadStart : public testing::TestWithParam<BadFlags> {};

TEST_P(BadStart, ExitsWithTwoAndReportsTheError) {
  const TempDirectory directory;
  BackendProcess backend(directory, GetParam().arguments);
  ASSERT_EQ(backend.WaitForPort(), 0) << "it started anyway";
  const ExitResult ended = backend.Wait();
  EXPECT_EQ(ended.exit_status, 2);
  EXPECT_NE(ended.standard_error.find(GetParam().sentence), std::string::npos)
      << ended.standard_error;
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadStart,
    testing::Values(
        BadFlags{"UnknownFlag", {"--nope"}, "--nope"},
        BadFlags{"ListenWithoutPort", {"--listen", "127.0.0.1"}, "HOST:PORT"},
        BadFlags{"ListenPortTooLarge", {"--listen", "127.0.0.1:65536"}, "HOST:PORT"},
        BadFlags{"AdminListenWithoutPort",
                 {"--admin-listen", "127.0.0.1"},
                 "--admin-listen: `127.0.0.1` must be HOST:PORT"},
        BadFlags{"NoFaultScript", {"--faults", "/nonexistent.json"}, "/nonexistent.json"},
        BadFlags{"NoConnections", {"--max-connections", "0"}, "--max-connections"},
        BadFlags{"NoSeedFile", {"--seed", "/nonexistent.json"}, "/nonexistent.json"},
        BadFlags{"DatabaseInMemory", {"--database", ":memory:"}, "--database: must name a file"},
        BadFlags{"DatabaseWithoutName", {"--database", ""}, "--database: must name a file"},
        BadFlags{"NoDatabase", {"--database", "/nonexistent/x.db"}, "/nonexistent/x.db"}),
    CaseName());

struct BadSeed {
  const char* name;
  std::string patch;     // a JSON patch for the default seed; if it is not an array, the whole seed
  std::string sentence;  // part of stderr

  friend void PrintTo(const BadSeed& c, std::ostream* out) { *out << c.name; }
};

class BadSeeds : public testing::TestWithParam<BadSeed> {};

TEST_P(BadSeeds, ReportsTheInvalidMember) {
  const TempDirectory directory;
  const json patch = json::parse(GetParam().patch, nullptr, false);
  const std::string text = patch.is_array() ? DefaultSeed().patch(patch).dump() : GetParam().patch;
  static_cast<void>(directory.Write("seed.json", text));
  BackendProcess backend(directory);
  ASSERT_EQ(backend.WaitForPort(), 0) << "it started anyway";
  const ExitResult ended = backend.Wait();
  EXPECT_EQ(ended.exit_status, 2);
  EXPECT_NE(ended.standard_error.find(GetParam().sentence), std::string::npos)
      << ended.standard_error;
  EXPECT_EQ(ended.standard_error.find(ids::kKey), std::string::npos) << "stderr reveals an API key";
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadSeeds,
    testing::Values(
        BadSeed{"NoJson", "{", "is not JSON"}, BadSeed{"NoObject", "7", "must be a JSON object"},
        BadSeed{"UnknownMember", R"([{"op":"add","path":"/keys","value":[]}])", "`keys`"},
        BadSeed{"UnknownMemberOfAKey", R"([{"op":"add","path":"/api_keys/0/nope","value":1}])",
                "`api_keys[0].nope`"},
        BadSeed{"MalformedId",
                R"([{"op":"replace","path":"/eval_runs/1/eval_run_uuid","value":"x"}])",
                "`eval_runs[1].eval_run_uuid`"},
        BadSeed{"MissingId", R"([{"op":"remove","path":"/workspaces/0/workspace_uuid"}])",
                "`workspaces[0].workspace_uuid`"},
        BadSeed{"UnknownStatus",
                R"([{"op":"replace","path":"/eval_runs/0/status","value":"done"}])",
                "`eval_runs[0].status`"},
        BadSeed{"UnknownPermission",
                R"([{"op":"add","path":"/api_keys/0/permissions","value":["all"]}])",
                "`api_keys[0].permissions`"},
        BadSeed{"MalformedTime",
                R"([{"op":"add","path":"/api_keys/0/expires_at","value":"2025-02-31T00:00:00Z"}])",
                "`api_keys[0].expires_at`"},
        BadSeed{"UnknownWorkspace", R"([{"op":"remove","path":"/workspaces/1"}])",
                "`eval_runs[1].workspace_uuid`"}),
    CaseName());

TEST(Start, LogsListeningAddressesAsJson) {
  const TempDirectory directory;
  BackendProcess backend(directory);
  const json line = json::parse(backend.ReadLine());
  EXPECT_EQ(line["event"], "listening");
  EXPECT_EQ(line["level"], "info");
  EXPECT_TRUE(line["time"].is_string());
  EXPECT_EQ(line["http"].get<std::string>().rfind("127.0.0.1:", 0), 0U);
}

TEST(Start, HelpAndVersionExitZero) {
  for (const char* flag : {"--help", "--version"}) {
    const TempDirectory directory;
    BackendProcess backend(directory, {flag});
    EXPECT_NE(backend.ReadLine(), "") << flag;
    EXPECT_EQ(backend.Wait().exit_status, 0) << flag;
  }
}

TEST(Start, RejectsPortInUse) {
  const TempDirectory directory;
  BackendProcess first(directory);
  const int port = first.WaitForPort();
  ASSERT_NE(port, 0);
  BackendProcess second(directory, {"--listen", "127.0.0.1:" + std::to_string(port), "--database",
                                    directory.File("second.db")});
  ASSERT_EQ(second.WaitForPort(), 0) << "it started anyway";
  const ExitResult ended = second.Wait();
  EXPECT_EQ(ended.exit_status, 2);
  EXPECT_NE(ended.standard_error.find("in use"), std::string::npos) << ended.standard_error;
}

TEST(Start, AnInterruptExitsZero) {
  const TempDirectory directory;
  BackendProcess backend(directory);
  ASSERT_NE(backend.WaitForPort(), 0);
  backend.Signal(SIGINT);
  EXPECT_EQ(backend.Wait().exit_status, 0);
}

TEST(Start, SampleSeedIsValid) {
  const TempDirectory directory;
  BackendProcess backend(directory, {"--listen", "127.0.0.1:0", "--database",
                                     directory.File("runs.db"), "--seed", EVALRUN_SAMPLE_DATA});
  ASSERT_NE(backend.WaitForPort(), 0);
  const auto page =
      backend.Connect().Get("/v2/eval-runs", {{"x-api-key", "sample-key-not-a-secret"}});
  ASSERT_TRUE(page);
  EXPECT_EQ(json::parse(page->body)["count"], 5);
}

TEST(Start, ApiKeysAreNotStored) {
  const TempDirectory directory;
  BackendProcess backend(directory);
  ASSERT_NE(backend.WaitForPort(), 0);
  backend.Signal(SIGTERM);
  ASSERT_EQ(backend.Wait().exit_status, 0);
  std::ifstream file(directory.File("runs.db"), std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  const std::string bytes = text.str();
  ASSERT_NE(bytes.find(ids::kRun), std::string::npos) << "the test reads the wrong file";
  EXPECT_EQ(bytes.find(ids::kKey), std::string::npos);
}

}  // namespace
}  // namespace evalrun::backend
