// SPDX-License-Identifier: Apache-2.0

#include "service/config/protected_runs.h"

#include <fstream>
#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::config {
namespace {

using ::testing::HasSubstr;

constexpr char kRun[] = "954d54bc-bd5f-4cb5-8d20-688f368b712e";
constexpr char kOther[] = "11111111-2222-3333-4444-555555555555";

std::string ParseError(std::string_view text, bool opaque_ids = false) {
  return std::string(ParseProtectedRuns(text, "/runs", opaque_ids).status().message());
}

TEST(ProtectedRunsFileTest, ReadsIdsAndComments) {
  const auto runs = ParseProtectedRuns(
      absl::StrCat("# legal hold\r\n\n  score_run.", kRun, "\t# golden\r\n", kOther, "\n"), "/runs",
      /*opaque_ids=*/false);
  ASSERT_TRUE(runs.ok()) << runs.status();
  EXPECT_EQ(runs->size(), 2u);
  EXPECT_TRUE(runs->Contains(kRun));
  EXPECT_TRUE(runs->Contains(kOther));
}

TEST(ProtectedRunsFileTest, ACommentAloneProtectsNothing) {
  const auto runs = ParseProtectedRuns("# none\n", "/runs", /*opaque_ids=*/false);
  ASSERT_TRUE(runs.ok()) << runs.status();
  EXPECT_EQ(runs->size(), 0u);
}

TEST(ProtectedRunsFileTest, ErrorsNameFileAndLine) {
  EXPECT_THAT(ParseError(absl::StrCat("# x\n", kRun, "\n", kRun, " ", kOther, "\n")),
              HasSubstr("/runs:3: \"954d54bc"));
  EXPECT_THAT(ParseError("golden-1\n"), HasSubstr("/runs:1: \"golden-1\" must be a UUID"));
  EXPECT_EQ(ParseError("golden-1\n", /*opaque_ids=*/true), "");
  EXPECT_THAT(ParseError("a/b\n", /*opaque_ids=*/true),
              HasSubstr("/runs:1: \"a/b\" must be 1 to 128"));
}

TEST(ProtectedRunsFileTest, RefusesWhatMayBeHalfWritten) {
  for (const char* blank : {"", "\n", " \r\n\t\n"})
    EXPECT_THAT(ParseError(blank), HasSubstr("is blank"));
  EXPECT_THAT(ParseError(absl::StrCat(kRun, "\n", kOther)), HasSubstr("/runs:2: does not end"));
  EXPECT_THAT(ParseError("golden-1\ngold", /*opaque_ids=*/true),
              HasSubstr("/runs:2: does not end"));
}

TEST(ProtectedRunsFileTest, TheNumberOfIdsIsBounded) {
  std::string text;
  for (std::size_t i = 0; i < kMaxProtectedRuns; ++i) text += "x\n";
  EXPECT_EQ(ParseError(text, /*opaque_ids=*/true), "");
  EXPECT_THAT(ParseError(text + "x\n", /*opaque_ids=*/true),
              HasSubstr("/runs:1000001: there must be no more than 1000000 ids"));
}

TEST(ProtectedRunsFileTest, ReadsRegularFilesOnly) {
  EXPECT_THAT(std::string(ReadProtectedRuns("/dev/zero").status().message()),
              HasSubstr("not a regular file"));
  EXPECT_THAT(std::string(ReadProtectedRuns("/missing").status().message()),
              HasSubstr("cannot read /missing"));
  const std::string path = ::testing::TempDir() + "protected_runs_test.file";
  std::ofstream(path) << kRun << "\n";
  EXPECT_EQ(*ReadProtectedRuns(path), absl::StrCat(kRun, "\n"));
}

}  // namespace
}  // namespace evalrun::config
