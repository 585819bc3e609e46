// SPDX-License-Identifier: Apache-2.0

#include "service/cli/manual.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/cli/completion.h"
#include "service/cli/help_text.h"
#include "service/cli/man_page.h"

namespace evalrun::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> FlagNames(const CommandManual& command) {
  std::vector<std::string> names;
  for (const FlagGroup& group : command.groups) {
    for (const FlagManual& flag : group.flags) {
      names.push_back(flag.name + (flag.value.empty() ? "" : " " + flag.value));
    }
  }
  return names;
}

// Scripts depend on these names: removing one, or changing the type of its value, breaks them.
TEST(ManualTest, PublicNamesAreUnchanged) {
  const Manual manual = MakeManual();
  ASSERT_EQ(manual.commands.size(), 5u);
  EXPECT_EQ(manual.commands[0].name, "delete");
  EXPECT_EQ(manual.commands[0].arguments, "ID...");
  EXPECT_THAT(
      FlagNames(manual.commands[0]),
      ElementsAre("--from-file FILE", "--allow-empty", "--workspace ID", "--opaque-ids",
                  "--allow-missing", "--retry-unknown", "--dry-run", "--request-id ID",
                  "--concurrency N", "--done-file FILE", "--max-attempts N", "--max-wait DURATION",
                  "--json", "--server HOST:PORT", "--timeout DURATION", "--tls", "--ca-file FILE",
                  "--cert-file FILE", "--key-file FILE", "--server-name NAME"));
  EXPECT_EQ(manual.commands[1].name, "health");
  EXPECT_THAT(FlagNames(manual.commands[1]),
              ElementsAre("--server HOST:PORT", "--timeout DURATION", "--tls", "--ca-file FILE",
                          "--cert-file FILE", "--key-file FILE", "--server-name NAME"));
  EXPECT_EQ(manual.commands[2].name, "version");
  EXPECT_THAT(FlagNames(manual.commands[2]), ElementsAre());
  EXPECT_EQ(manual.commands[3].name, "completion");
  EXPECT_THAT(manual.commands[3].words, ElementsAre("bash", "zsh", "fish"));
  EXPECT_EQ(manual.commands[4].name, "help");
  EXPECT_THAT(manual.commands[4].words, ElementsAre("delete", "health", "version", "completion"));
}

// Every flag, command and exit status is documented where users look for it.
TEST(ManualTest, HelpManPageAndCompletionAreComplete) {
  const Manual manual = MakeManual();
  const std::string page = ManPage(manual);
  std::string escaped;  // escaped for roff
  for (const CommandManual& command : manual.commands) {
    const std::string help = HelpText(manual, command.name);
    EXPECT_THAT(HelpText(manual, ""), HasSubstr("  " + command.name));
    EXPECT_THAT(page, HasSubstr(".SS \"evalrunctl " + command.name));
    for (const FlagGroup& group : command.groups) {
      for (const FlagManual& flag : group.flags) {
        EXPECT_THAT(help, HasSubstr("\n  " + flag.name));
        escaped.clear();
        for (const char c : flag.name) escaped += c == '-' ? "\\-" : std::string(1, c);
        EXPECT_THAT(page, HasSubstr("\\fB" + escaped + "\\fR"));
        for (const char* const shell : {"bash", "zsh", "fish"}) {
          EXPECT_THAT(CompletionScript(manual, shell), HasSubstr(flag.name.substr(2))) << shell;
        }
      }
    }
  }
  for (const ExitStatus& status : manual.exit_statuses) {
    EXPECT_THAT(HelpText(manual, "delete"), HasSubstr("\n  " + status.status));
    EXPECT_THAT(page, HasSubstr("\\fB" + status.status + "\\fR"));
  }
}

TEST(ManualTest, HelpFitsTerminalWidth) {
  const Manual manual = MakeManual();
  for (const char* const command : {"", "delete", "health", "version", "completion"}) {
    std::string help = HelpText(manual, command);
    // Examples must not be wrapped, so that they can be copied.
    help = help.substr(0, help.find("Examples:"));
    std::size_t column = 0;
    for (const char c : help) {
      column = c == '\n' ? 0 : column + 1;
      EXPECT_LT(column, 80u) << command;
    }
  }
}

TEST(ManualTest, CheckedInManPageIsCurrent) {
  const std::string path = EVALRUN_SOURCE_DIR "/service/cli/evalrunctl.1";
  const std::string page = ManPage(MakeManual());
  const char* const update = std::getenv("UPDATE_GOLDEN");
  if (update != nullptr && std::string(update) == "1") std::ofstream(path) << page;
  std::ifstream in(path);
  const std::string checked_in{std::istreambuf_iterator<char>(in), {}};
  EXPECT_EQ(checked_in, page) << path << " is not current: run this test with UPDATE_GOLDEN=1";
}

TEST(ManPageTest, EscapesRoffRequests) {
  Manual manual;
  manual.summary = "'s a .test \\fB of ^ and ~";
  manual.paragraphs = {".SH no heading"};
  const std::string page = ManPage(manual);
  EXPECT_THAT(page, HasSubstr("\\(aqs a .test \\efB of \\(ha and \\(ti\n"));
  EXPECT_THAT(page, HasSubstr("\n\\&.SH no heading\n"));
}

TEST(CompletionScriptTest, UnknownShellIsEmpty) {
  EXPECT_EQ(CompletionScript(MakeManual(), "tcsh"), "");
}

}  // namespace
}  // namespace evalrun::cli
