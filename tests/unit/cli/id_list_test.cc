// SPDX-License-Identifier: Apache-2.0

#include "service/cli/id_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::cli {
namespace {

using deletion::IdFormat;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Optional;
using testing::StartsWith;

constexpr char kA[] = "954d54bc-bd5f-4cb5-8d20-688f368b712a";
constexpr char kB[] = "954d54bc-bd5f-4cb5-8d20-688f368b712b";

IdList Read(const std::string& text, IdFormat format = IdFormat::kUuid) {
  IdList list(format);
  EXPECT_EQ(list.AddLines(text, "ids.txt", /*allow_empty=*/true), std::nullopt);
  return list;
}

TEST(IdListTest, SkipsCommentsAndBlanks) {
  const std::string a = kA;
  const std::string b = kB;
  const struct {
    const char* name;
    std::string text;
  } kTable[] = {
      {"plain", a + "\n" + b + "\n"},
      {"no newline at the end", a + "\n" + b},
      {"blank lines and blanks", "\n  " + a + "\t\n \t \n\n" + b + " \n\n"},
      {"comments", "# all of them\n" + a + "\n  # and\n" + b + " # the last\n#" + a},
      {"written on Windows", "\xef\xbb\xbf" + a + "\r\n\r\n" + b + "\r\n"},
  };
  for (const auto& [name, text] : kTable) {
    const IdList list = Read(text);
    EXPECT_THAT(list.ids(), ElementsAre(kA, kB)) << name;
    EXPECT_THAT(list.DescribeErrors(), IsEmpty()) << name;
    EXPECT_EQ(list.duplicates(), 0u) << name;
  }
  EXPECT_THAT(Read("").ids(), IsEmpty());
}

// A program that failed to write the list must not look like one with nothing to delete.
TEST(IdListTest, ListWithoutAnIdIsAnErrorUnlessAllowed) {
  for (const char* text : {"", "\n", " \t\r\n", "# none\n", "\xef\xbb\xbf"}) {
    IdList list(IdFormat::kUuid);
    EXPECT_THAT(list.AddLines(text, "ids.txt", /*allow_empty=*/false),
                Optional(HasSubstr("ids.txt names no run")));
    EXPECT_EQ(list.AddLines(text, "ids.txt", /*allow_empty=*/true), std::nullopt);
  }
  IdList list(IdFormat::kUuid);
  EXPECT_EQ(list.AddLines("no id\n", "ids.txt", /*allow_empty=*/false), std::nullopt);
  EXPECT_THAT(list.DescribeErrors(), HasSubstr("ids.txt:1: 'no id'"));
}

TEST(IdListTest, Utf16IsRefusedWithAdvice) {
  using namespace std::string_literals;
  for (const std::string& text : {"\xff\xfe"s,
                                  "\xff\xfe"
                                  "9\0"
                                  "5\0"s,
                                  "\xfe\xff\0"
                                  "9\0"
                                  "5"s,
                                  "9\0"
                                  "5\0\r\0\n\0"s,
                                  "\0"
                                  "9\0"
                                  "5"s}) {
    IdList list(IdFormat::kUuid);
    EXPECT_THAT(list.AddLines(text, "ids.txt", /*allow_empty=*/true),
                Optional(HasSubstr("cannot use ids.txt: it is UTF-16 text")));
    EXPECT_THAT(list.ids(), IsEmpty());
  }
}

TEST(IdListTest, RemovesDuplicates) {
  IdList list(IdFormat::kUuid);
  list.Add(std::string("score_run.") + kA, "argument 1");
  list.Add(kA, "argument 2");
  list.Add("954D54BC-BD5F-4CB5-8D20-688F368B712A", "argument 3");
  list.Add(kB, "argument 4");
  EXPECT_THAT(list.ids(), ElementsAre(std::string("score_run.") + kA, kB));
  EXPECT_EQ(list.duplicates(), 2u);
}

TEST(IdListTest, MalformedIdIsReportedWithItsLocation) {
  const IdList list = Read(std::string(kA) + "\n\n../evals/x\n" + kB + " " + kB + "\n");
  EXPECT_EQ(list.DescribeErrors(), std::string("  ids.txt:3: '../evals/x'\n"
                                               "  ids.txt:4: '") +
                                       kB + " " + kB + "'\nAn id is " +
                                       std::string(deletion::DescribeIdFormat(IdFormat::kUuid)) +
                                       ".");
}

TEST(IdListTest, EmptyArgumentIsAnError) {
  IdList list(IdFormat::kUuid);
  list.Add("", "argument 1");
  EXPECT_THAT(list.DescribeErrors(), StartsWith("  argument 1: ''\n"));
}

TEST(IdListTest, ErrorsAreEscapedAndBounded) {
  std::string text = "\x1b[2J\n" + std::string(100'000, 'x') + "\n";
  for (int i = 0; i < 1000; ++i) text += "no id\n";
  const std::string mistakes = Read(text).DescribeErrors();
  EXPECT_THAT(mistakes, HasSubstr("ids.txt:1: '\\x1b[2J'"));
  EXPECT_THAT(mistakes, Not(HasSubstr("\x1b")));
  EXPECT_THAT(mistakes, HasSubstr("xxx…'\n"));
  EXPECT_THAT(mistakes, HasSubstr("\n  and 992 more\n"));
  EXPECT_LT(mistakes.size(), 1000u);
}

TEST(IdListTest, AcceptsOpaqueIds) {
  const IdList list = Read("run-1\nRUN-1\nrun-1\n", IdFormat::kOpaque);
  EXPECT_THAT(list.ids(), ElementsAre("run-1", "RUN-1"));
  EXPECT_EQ(list.duplicates(), 1u);
  EXPECT_THAT(Read("..\n", IdFormat::kOpaque).DescribeErrors(), StartsWith("  ids.txt:1: '..'"));
}

}  // namespace
}  // namespace evalrun::cli
