#include "service/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::cli {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ParseDurationTest, ReadsNumberAndUnit) {
  EXPECT_EQ(ParseDuration("1ms"), milliseconds(1));
  EXPECT_EQ(ParseDuration("1500ms"), milliseconds(1500));
  EXPECT_EQ(ParseDuration("30s"), seconds(30));
  EXPECT_EQ(ParseDuration("2m"), minutes(2));
  EXPECT_EQ(ParseDuration("24h"), hours(24));
}

TEST(ParseDurationTest, RefusesEverythingElse) {
  for (const char* text : {"", "30", "s", "0s", "-1s", "+1s", "1.5s", " 1s", "1s ", "1 s", "1S",
                           "1us", "25h", "99999999999999999999s", "9223372036854775807ms"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(ParseCommandLineTest, DeleteWithDefaults) {
  const Command command = ParseCommandLine({"delete", "score_run.abc"});
  const auto* remove = std::get_if<DeleteCommand>(&command);
  ASSERT_NE(remove, nullptr);
  EXPECT_EQ(remove->request.eval_run_uuid, "score_run.abc");
  EXPECT_EQ(remove->request.workspace_uuid, std::nullopt);
  EXPECT_FALSE(remove->request.allow_missing);
  EXPECT_EQ(remove->request.request_id, "");
  EXPECT_FALSE(remove->json);
  EXPECT_EQ(remove->connection.server, "127.0.0.1:50051");
  EXPECT_EQ(remove->connection.timeout, seconds(30));
}

TEST(ParseCommandLineTest, DeleteWithEveryFlag) {
  const Command command = ParseCommandLine(
      {"delete", "--workspace", "workspace.x", "--allow-missing", "--server", "[::1]:1",
       "--timeout=1500ms", "--json", "--request-id", "me.1_2-3", "run"});
  const auto* remove = std::get_if<DeleteCommand>(&command);
  ASSERT_NE(remove, nullptr);
  EXPECT_EQ(remove->request.eval_run_uuid, "run");
  EXPECT_EQ(remove->request.workspace_uuid, "workspace.x");
  EXPECT_TRUE(remove->request.allow_missing);
  EXPECT_EQ(remove->request.request_id, "me.1_2-3");
  EXPECT_TRUE(remove->json);
  EXPECT_EQ(remove->connection.server, "[::1]:1");
  EXPECT_EQ(remove->connection.timeout, milliseconds(1500));
}

// Whether an id is well-formed is the gateway's to say: it alone knows its configuration.
TEST(ParseCommandLineTest, PassesIdsOnAsTheyAre) {
  for (const char* id : {"", "..", "a b", "%2f", "\xc3\xa9"}) {
    const Command command = ParseCommandLine({"delete", id});
    const auto* remove = std::get_if<DeleteCommand>(&command);
    ASSERT_NE(remove, nullptr) << id;
    EXPECT_EQ(remove->request.eval_run_uuid, id);
  }
  const Command dashed = ParseCommandLine({"delete", "--", "-x"});
  ASSERT_TRUE(std::holds_alternative<DeleteCommand>(dashed));
  EXPECT_EQ(std::get<DeleteCommand>(dashed).request.eval_run_uuid, "-x");
}

TEST(ParseCommandLineTest, AnEmptyWorkspaceIsSet) {
  const Command command = ParseCommandLine({"delete", "run", "--workspace", ""});
  const auto* remove = std::get_if<DeleteCommand>(&command);
  ASSERT_NE(remove, nullptr);
  EXPECT_EQ(remove->request.workspace_uuid, "");
}

TEST(ParseCommandLineTest, HealthAndVersion) {
  const Command health = ParseCommandLine({"health", "--server", "h:1", "--timeout", "1s"});
  ASSERT_TRUE(std::holds_alternative<HealthCommand>(health));
  EXPECT_EQ(std::get<HealthCommand>(health).connection.server, "h:1");
  EXPECT_EQ(std::get<HealthCommand>(health).connection.timeout, seconds(1));
  EXPECT_TRUE(std::holds_alternative<VersionCommand>(ParseCommandLine({"version"})));
}

TEST(ParseCommandLineTest, HelpIsNoError) {
  for (const auto& arguments :
       {std::vector<std::string>{"--help"}, std::vector<std::string>{"delete", "--help"},
        std::vector<std::string>{"health", "-h"}}) {
    const Command command = ParseCommandLine(arguments);
    const auto* help = std::get_if<PrintAndExit>(&command);
    ASSERT_NE(help, nullptr);
    EXPECT_EQ(help->exit_status, 0);
    EXPECT_THAT(help->out, HasSubstr("Usage: evalrunctl"));
    EXPECT_THAT(help->out, HasSubstr("Exit status"));
    EXPECT_THAT(help->err, IsEmpty());
  }
}

TEST(ParseCommandLineTest, MistakesAreNamed) {
  const struct {
    std::vector<std::string> arguments;
    const char* said;
  } kMistakes[] = {
      {{}, "subcommand is required"},
      {{"frob"}, "subcommand is required"},
      {{"delete"}, "ID is required"},
      {{"delete", "a", "b"}, "not expected: b"},
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
    EXPECT_EQ(mistake->exit_status, 2) << said;
    EXPECT_THAT(mistake->err, HasSubstr(said));
    EXPECT_THAT(mistake->out, IsEmpty());
  }
}

}  // namespace
}  // namespace evalrun::cli
