// SPDX-License-Identifier: Apache-2.0

#include "service/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::cli {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(ParseCommandLineTest, DeleteWithDefaults) {
  const Command command = ParseCommandLine({"delete", "score_run.abc"});
  const auto* remove = std::get_if<DeleteCommand>(&command);
  ASSERT_NE(remove, nullptr);
  EXPECT_THAT(remove->ids, ElementsAre("score_run.abc"));
  EXPECT_EQ(remove->from_file, "");
  EXPECT_FALSE(remove->many());
  EXPECT_FALSE(remove->opaque_ids);
  EXPECT_EQ(remove->request.workspace_uuid, std::nullopt);
  EXPECT_FALSE(remove->request.allow_missing);
  EXPECT_EQ(remove->request.request_id, "");
  EXPECT_FALSE(remove->json);
  EXPECT_FALSE(remove->dry_run);
  EXPECT_EQ(remove->done_file, "");
  EXPECT_EQ(remove->policy.concurrency, 16);
  EXPECT_EQ(remove->policy.max_attempts, 10);
  EXPECT_EQ(remove->policy.max_wait, minutes(5));
  EXPECT_FALSE(remove->policy.retry_unknown);
  EXPECT_EQ(remove->connection.server, "127.0.0.1:50051");
  EXPECT_EQ(remove->connection.timeout, seconds(30));
  EXPECT_FALSE(remove->connection.tls.has_value());
}

TEST(ParseCommandLineTest, DeleteWithEveryFlag) {
  const Command command = ParseCommandLine({"delete",
                                            "--workspace",
                                            "workspace.x",
                                            "--allow-missing",
                                            "--server",
                                            "[::1]:1",
                                            "--timeout=2s",
                                            "--json",
                                            "--request-id",
                                            "me.1_2-3",
                                            "run",
                                            "--tls",
                                            "--ca-file",
                                            "ca",
                                            "--cert-file",
                                            "cert",
                                            "--key-file",
                                            "key",
                                            "--server-name",
                                            "name",
                                            "--opaque-ids",
                                            "--done-file",
                                            "done",
                                            "--dry-run",
                                            "--concurrency",
                                            "3",
                                            "--max-wait",
                                            "10s",
                                            "--max-attempts",
                                            "4",
                                            "--retry-unknown"});
  const auto* remove = std::get_if<DeleteCommand>(&command);
  ASSERT_NE(remove, nullptr);
  EXPECT_THAT(remove->ids, ElementsAre("run"));
  EXPECT_EQ(remove->request.workspace_uuid, "workspace.x");
  EXPECT_TRUE(remove->request.allow_missing);
  EXPECT_EQ(remove->request.request_id, "me.1_2-3");
  EXPECT_TRUE(remove->json);
  EXPECT_TRUE(remove->opaque_ids);
  EXPECT_TRUE(remove->dry_run);
  EXPECT_EQ(remove->done_file, "done");
  EXPECT_EQ(remove->policy.concurrency, 3);
  EXPECT_EQ(remove->policy.max_attempts, 4);
  EXPECT_EQ(remove->policy.max_wait, seconds(10));
  EXPECT_TRUE(remove->policy.retry_unknown);
  EXPECT_EQ(remove->connection.server, "[::1]:1");
  EXPECT_EQ(remove->connection.timeout, seconds(2));
  ASSERT_TRUE(remove->connection.tls.has_value());
  EXPECT_EQ(remove->connection.tls->ca_file, "ca");
  EXPECT_EQ(remove->connection.tls->cert_file, "cert");
  EXPECT_EQ(remove->connection.tls->key_file, "key");
  EXPECT_EQ(remove->connection.tls->server_name, "name");
}

// A single run is reported in detail and not retried: the response says how long to wait.
TEST(ParseCommandLineTest, SeveralIdsOrAFileIsABulkDelete) {
  const struct {
    std::vector<std::string> arguments;
    bool many;
  } kTable[] = {
      {{"delete", "a"}, false},
      {{"delete", "a", "b"}, true},
      {{"delete", "--from-file", "-"}, true},
      {{"delete", "a", "--from-file", "ids.txt"}, true},
  };
  for (const auto& [arguments, many] : kTable) {
    const Command command = ParseCommandLine(arguments);
    const auto* remove = std::get_if<DeleteCommand>(&command);
    ASSERT_NE(remove, nullptr);
    EXPECT_EQ(remove->many(), many);
    EXPECT_EQ(remove->policy.retry_rejected, many);
  }
}

// The format of ids is checked by IdList, which knows where each comes from.
TEST(ParseCommandLineTest, KeepsIdsUnchanged) {
  for (const char* id : {"", "..", "a b", "%2f", "\xc3\xa9"}) {
    const Command command = ParseCommandLine({"delete", id});
    const auto* remove = std::get_if<DeleteCommand>(&command);
    ASSERT_NE(remove, nullptr) << id;
    EXPECT_THAT(remove->ids, ElementsAre(id));
  }
  const Command dashed = ParseCommandLine({"delete", "--", "-x"});
  ASSERT_TRUE(std::holds_alternative<DeleteCommand>(dashed));
  EXPECT_THAT(std::get<DeleteCommand>(dashed).ids, ElementsAre("-x"));
}

TEST(ParseCommandLineTest, EmptyWorkspaceIsSet) {
  const Command command = ParseCommandLine({"delete", "run", "--workspace", ""});
  const auto* remove = std::get_if<DeleteCommand>(&command);
  ASSERT_NE(remove, nullptr);
  EXPECT_EQ(remove->request.workspace_uuid, "");
}

TEST(ParseCommandLineTest, EnvironmentReplacesTheDefaultServer) {
  const auto server = [](const Command& command) {
    const auto* remove = std::get_if<DeleteCommand>(&command);
    if (remove != nullptr) return remove->connection.server;
    const auto* health = std::get_if<HealthCommand>(&command);
    return health == nullptr ? "" : health->connection.server;
  };
  EXPECT_EQ(server(ParseCommandLine({"delete", "a"}, "host:1")), "host:1");
  EXPECT_EQ(server(ParseCommandLine({"health"}, "host:1")), "host:1");
  EXPECT_EQ(server(ParseCommandLine({"health"}, "")), "127.0.0.1:50051");
  // Also a flag that repeats the built-in default.
  EXPECT_EQ(server(ParseCommandLine({"delete", "a", "--server", "127.0.0.1:50051"}, "host:1")),
            "127.0.0.1:50051");
  EXPECT_EQ(server(ParseCommandLine({"health", "--server", "other:2"}, "wrong")), "other:2");

  const Command wrong = ParseCommandLine({"delete", "a"}, "http://host:1");
  ASSERT_TRUE(std::holds_alternative<PrintAndExit>(wrong));
  EXPECT_THAT(std::get<PrintAndExit>(wrong).err,
              HasSubstr("EVALRUNCTL_SERVER: 'http://host:1' is"));
  EXPECT_EQ(std::get<PrintAndExit>(wrong).exit_status, kExitUsage);
  EXPECT_TRUE(std::holds_alternative<VersionCommand>(ParseCommandLine({"version"}, "wrong")));
}

TEST(ParseCommandLineTest, HealthAndVersion) {
  const Command health = ParseCommandLine({"health", "--server", "h:1", "--timeout", "1s"});
  ASSERT_TRUE(std::holds_alternative<HealthCommand>(health));
  EXPECT_EQ(std::get<HealthCommand>(health).connection.server, "h:1");
  EXPECT_EQ(std::get<HealthCommand>(health).connection.timeout, seconds(1));
  EXPECT_TRUE(std::holds_alternative<VersionCommand>(ParseCommandLine({"version"})));
}

TEST(ParseCommandLineTest, HelpExitsWithSuccess) {
  const struct {
    std::vector<std::string> arguments;
    const char* usage;
  } kTable[] = {
      {{"--help"}, "Usage: evalrunctl COMMAND"},
      {{"delete", "--help"}, "Usage: evalrunctl delete ID... [FLAGS]"},
      {{"health", "-h"}, "Usage: evalrunctl health [FLAGS]"},
      {{"completion", "--help"}, "Usage: evalrunctl completion SHELL"},
      {{"help"}, "Usage: evalrunctl COMMAND"},
      {{"help", "delete"}, "Usage: evalrunctl delete ID... [FLAGS]"},
      {{"help", "help"}, "Usage: evalrunctl help COMMAND"},
  };
  for (const auto& [arguments, usage] : kTable) {
    const Command command = ParseCommandLine(arguments);
    const auto* help = std::get_if<PrintAndExit>(&command);
    ASSERT_NE(help, nullptr);
    EXPECT_EQ(help->exit_status, 0);
    EXPECT_THAT(help->out, StartsWith(usage));
    EXPECT_THAT(help->out, HasSubstr("Exit status"));
    EXPECT_THAT(help->err, IsEmpty());
  }
  EXPECT_TRUE(std::holds_alternative<VersionCommand>(ParseCommandLine({"--version"})));
}

TEST(ParseCommandLineTest, ReportsEachUsageError) {
  const struct {
    std::vector<std::string> arguments;
    const char* said;
  } kMistakes[] = {
      {{}, "which command?"},
      {{"frob"}, "there is no command 'frob'"},
      {{"delte", "a"}, "there is no command 'delte'; did you mean delete?"},
      {{"delete", "a", "--serer", "h:1"}, "there is no flag '--serer'; did you mean --server?"},
      {{"delete", "a", "--form-file=f"},
       "there is no flag '--form-file=f'; did you mean --from-file?"},
      {{"health", "--ca-flie", "f"}, "there is no flag '--ca-flie'; did you mean --ca-file?"},
      {{"--vresion"}, "there is no flag '--vresion'; did you mean --version?"},
      {{"--server", "h:1", "delete", "a"}, "--server comes after the command"},
      {{"help", "frob"}, "frob"},
      {{"\x1b[2J"}, "there is no command '\\x1b[2J'"},
      {{"delete"}, "which run?"},
      {{"delete", "--dry-run"}, "--from-file"},
      {{"delete", "--from-file", ""}, "--from-file"},
      {{"delete", "a", "b", "--request-id", "x"}, "--request-id is for one ID"},
      {{"delete", "--from-file", "f", "--request-id", "x"}, "--request-id is for one ID"},
      {{"delete", "a", "--ca-file", "f"}, "--ca-file requires --tls"},
      {{"delete", "a", "--server-name", "n"}, "--server-name requires --tls"},
      {{"delete", "a", "--cert-file", "f", "--key-file", "f"}, "requires --tls"},
      {{"delete", "a", "--tls", "--cert-file", "f"}, "--cert-file requires --key-file"},
      {{"delete", "a", "--tls", "--key-file", "f"}, "--key-file requires --cert-file"},
      {{"health", "--tls", "--key-file", "f"}, "--key-file requires --cert-file"},
      {{"delete", "a", "--concurrency", "0"}, "'0' is not a whole number from 1 to 1000"},
      {{"delete", "a", "--concurrency", "1001"}, "from 1 to 1000"},
      {{"delete", "a", "--concurrency", "3x"}, "'3x' is not a whole number"},
      {{"delete", "a", "--max-attempts", "0"}, "from 1 to 100"},
      {{"delete", "a", "--max-wait", "5"}, "'5' is not a duration"},
      {{"delete", "a", "--server", "http://host:1"}, "is a URL"},
      {{"delete", "a", "--server", "host:0"}, "a number from 1 to 65535"},
      {{"delete", "a", "--server", "host:65536"}, "a number from 1 to 65535"},
      {{"delete", "a", "--server", "host:http"}, "a number from 1 to 65535"},
      {{"delete", "a", "--server", "::1:50051"}, "needs brackets"},
      {{"completion"}, "SHELL is required"},
      {{"completion", "tcsh"}, "tcsh"},
      {{"delete", "a", "--frob"}, "--frob"},
      {{"delete", "a", "--server", "host"}, "'host' is not HOST:PORT"},
      {{"delete", "a", "--server", ":1"}, "':1' is not HOST:PORT"},
      {{"delete", "a", "--server", "host:"}, "'host:' is not HOST:PORT"},
      {{"delete", "a", "--timeout", "3"}, "'3' is not a duration"},
      {{"delete", "a", "--request-id", "a b"}, "request id"},
      {{"delete", "a", "--request-id", ""}, "request id"},
      {{"delete", "a", "--request-id", std::string(129, 'x')}, "request id"},
      {{"delete", "\xff"}, "UTF-8"},
      {{"delete", "a", "--workspace", "\xc3"}, "UTF-8"},
      {{"health", "--json"}, "--json"},
  };
  for (const auto& [arguments, said] : kMistakes) {
    const Command command = ParseCommandLine(arguments);
    const auto* mistake = std::get_if<PrintAndExit>(&command);
    ASSERT_NE(mistake, nullptr) << said;
    EXPECT_EQ(mistake->exit_status, kExitUsage) << said;
    EXPECT_THAT(mistake->err, HasSubstr(said));
    EXPECT_THAT(mistake->out, IsEmpty());
  }
}

}  // namespace
}  // namespace evalrun::cli
