// SPDX-License-Identifier: Apache-2.0

#include "service/cli/done_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::cli {
namespace {

using testing::HasSubstr;
using testing::Optional;

constexpr char kA[] = "954d54bc-bd5f-4cb5-8d20-688f368b712a";

const std::string& Header() {
  static const std::string header = DoneRecord::Header("host:1", std::nullopt);
  return header;
}

// The state of kA after lines with these words about it.
DoneState After(const std::vector<const char*>& words) {
  std::string text = Header();
  for (const char* const word : words) text += DoneRecord::Line(word, kA);
  DoneRecord record;
  EXPECT_EQ(record.Read(text, Header()), std::nullopt);
  return record.Find(kA);
}

TEST(DoneRecordTest, LastEntryWinsExceptThatGoneIsFinal) {
  const struct {
    std::vector<const char*> words;
    DoneState expected;
  } kTable[] = {
      {{}, DoneState::kNotDeleted},
      {{"sent"}, DoneState::kPossiblyDeleted},  // killed before the response
      {{"sent", "gone"}, DoneState::kGone},
      {{"sent", "failed"}, DoneState::kNotDeleted},
      {{"sent", "unknown"}, DoneState::kPossiblyDeleted},
      {{"sent", "unknown", "sent", "gone"}, DoneState::kGone},
      {{"gone", "sent", "failed"}, DoneState::kGone},
      {{"failed", "sent"}, DoneState::kPossiblyDeleted},
      {{"word_of_tomorrow"}, DoneState::kNotDeleted},
      {{"sent", "word_of_tomorrow"}, DoneState::kPossiblyDeleted},
  };
  for (const auto& [words, expected] : kTable) EXPECT_EQ(After(words), expected);
}

TEST(DoneRecordTest, FindsIdInAnySpelling) {
  DoneRecord record;
  ASSERT_EQ(record.Read(Header() + "gone score_run." + kA + "\n", Header()), std::nullopt);
  EXPECT_EQ(record.Find(kA), DoneState::kGone);
  EXPECT_EQ(record.Find("954D54BC-BD5F-4CB5-8D20-688F368B712A"), DoneState::kGone);
}

TEST(DoneRecordTest, IgnoresTornLine) {
  const std::string a = kA;
  for (const std::string& torn : {"gone " + a.substr(0, 20), std::string("gon"), "gone" + a,
                                  std::string("gone "), std::string("\0\0\0", 3)}) {
    DoneRecord record;
    EXPECT_EQ(record.Read(Header() + torn, Header()), std::nullopt) << torn;
    EXPECT_EQ(record.Find(kA), DoneState::kNotDeleted) << torn;
    EXPECT_EQ(record.Read(Header() + torn + "\ngone " + a + "\n", Header()), std::nullopt);
    EXPECT_EQ(record.Find(kA), DoneState::kGone) << torn;
  }
}

// `gone run-12`, cut off, names another run.
TEST(DoneRecordTest, IgnoresALastLineWithoutANewline) {
  DoneRecord record;
  EXPECT_EQ(record.Read(Header() + "sent run-1\ngone run-1", Header()), std::nullopt);
  EXPECT_EQ(record.Find("run-1"), DoneState::kPossiblyDeleted);
}

TEST(DoneRecordTest, AcceptsAFirstLineWithoutANewline) {
  std::string header = Header();
  header.pop_back();
  DoneRecord record;
  EXPECT_EQ(record.Read(header, Header()), std::nullopt);
}

TEST(DoneRecordTest, ReadsAFileThatWasSavedOnWindows) {
  std::string header = Header();
  header.insert(header.size() - 1, "\r");
  DoneRecord record;
  ASSERT_EQ(record.Read("\xef\xbb\xbf" + header + "gone " + kA + "\r\n", Header()), std::nullopt);
  EXPECT_EQ(record.Find(kA), DoneState::kGone);
}

TEST(DoneRecordTest, Utf16IsRefusedWithAdvice) {
  DoneRecord record;
  EXPECT_THAT(record.Read(std::string("\xff\xfe#\0 \0", 6), Header()),
              Optional(HasSubstr("UTF-16")));
}

TEST(DoneRecordTest, NewFileIsEmpty) {
  DoneRecord record;
  EXPECT_EQ(record.Read("", Header()), std::nullopt);
  EXPECT_EQ(record.Find(kA), DoneState::kNotDeleted);
}

// A list of ids given by mistake must not be appended to, nor be read as a list of deleted runs.
TEST(DoneRecordTest, RejectsForeignFile) {
  DoneRecord record;
  EXPECT_THAT(record.Read(std::string(kA) + "\n", Header()),
              Optional(HasSubstr("not a done-file")));
}

// A run deleted through a test gateway is not deleted from the real one.
TEST(DoneRecordTest, RejectsOtherGatewayOrWorkspace) {
  for (const std::string& other :
       {DoneRecord::Header("host:2", std::nullopt), DoneRecord::Header("host:1", kA)}) {
    DoneRecord record;
    EXPECT_THAT(record.Read(other, Header()), Optional(HasSubstr("another gateway or workspace")));
  }
  EXPECT_EQ(DoneRecord::Header("host:1", std::string("workspace.") + kA),
            DoneRecord::Header("host:1", kA));
}

TEST(DoneRecordTest, HeaderIsAlwaysOneLine) {
  EXPECT_EQ(DoneRecord::Header("host\n:1", "a\nb"),
            "# evalrunctl done-file 1 server=host\\x0a:1 workspace=a\\x0ab\n");
}

}  // namespace
}  // namespace evalrun::cli
