// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/deletion/resource_id.h"

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::deletion {
namespace {

using namespace std::string_literals;  // for strings with a NUL inside

const std::string kUuid = "954d54bc-bd5f-4cb5-8d20-688f368b712e";
const std::string kUpper = "954D54BC-BD5F-4CB5-8D20-688F368B712E";

struct Case {
  const char* name;
  std::string id;
  bool uuid;    // well-formed as kUuid
  bool opaque;  // well-formed as kOpaque
};

void PrintTo(const Case& c, std::ostream* os) { *os << c.name; }

class IsWellFormedIdTest : public ::testing::TestWithParam<Case> {};

TEST_P(IsWellFormedIdTest, InBothFormats) {
  EXPECT_EQ(IsWellFormedId(GetParam().id, IdFormat::kUuid), GetParam().uuid);
  EXPECT_EQ(IsWellFormedId(GetParam().id, IdFormat::kOpaque), GetParam().opaque);
}

std::string Name(const ::testing::TestParamInfo<Case>& param) { return param.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Uuids, IsWellFormedIdTest,
    ::testing::Values(Case{"Bare", kUuid, true, true}, Case{"UpperCase", kUpper, true, true},
                      Case{"MixedCase", "954D54bc-bd5F-4CB5-8d20-688f368b712e", true, true},
                      Case{"Nil", "00000000-0000-0000-0000-000000000000", true, true},
                      Case{"AllOnes", "ffffffff-ffff-ffff-ffff-ffffffffffff", true, true},
                      Case{"ScoreRun", "score_run." + kUuid, true, true},
                      Case{"Workspace", "workspace." + kUuid, true, true},
                      Case{"WorkspaceUpperCase", "workspace." + kUpper, true, true},
                      Case{"OneLetterPrefix", "a." + kUuid, true, true},
                      Case{"DigitsAndUnderscoresInPrefix", "a1_2_." + kUuid, true, true}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    OnlyOpaque, IsWellFormedIdTest,
    ::testing::Values(
        Case{"OneCharacter", "a", false, true},
        Case{"HexWithoutHyphens", "954d54bcbd5f4cb58d20688f368b712e", false, true},
        Case{"OneDigitShort", kUuid.substr(0, 35), false, true},
        Case{"OneDigitLong", kUuid + "0", false, true},
        Case{"NotHex", "954d54bc-bd5f-4cb5-8d20-688f368b712g", false, true},
        Case{"HyphenMisplaced", "954d54b-cbd5f-4cb5-8d20-688f368b712e", false, true},
        Case{"HyphenInsteadOfDigit", "-54d54bc-bd5f-4cb5-8d20-688f368b712e", false, true},
        Case{"HyphensOnly", std::string(36, '-'), false, true},
        Case{"DotInsteadOfHyphen", "954d54bc.bd5f-4cb5-8d20-688f368b712e", false, true},
        Case{"UpperCasePrefix", "Workspace." + kUuid, false, true},
        Case{"UpperCaseInsidePrefix", "scoreRun." + kUuid, false, true},
        Case{"PrefixStartsWithDigit", "1a." + kUuid, false, true},
        Case{"PrefixStartsWithUnderscore", "_a." + kUuid, false, true},
        Case{"HyphenInPrefix", "score-run." + kUuid, false, true},
        Case{"TwoPrefixes", "org.workspace." + kUuid, false, true},
        Case{"EmptyPrefix", "." + kUuid, false, true},
        Case{"TwoDots", "workspace.." + kUuid, false, true},
        Case{"PrefixWithoutDot", "workspace" + kUuid, false, true},
        Case{"PrefixAlone", "workspace.", false, true},
        Case{"TrailingDot", kUuid + ".", false, true},
        Case{"TrailingHyphen", kUuid + "-", false, true},
        Case{"TwoUuids", kUuid + "." + kUuid, false, true},
        Case{"DotsAndALetter", "..a", false, true}, Case{"HyphenAlone", "-", false, true},
        Case{"UnderscoreAlone", "_", false, true},
        Case{"Of128Characters", std::string(128, 'a'), false, true}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Neither, IsWellFormedIdTest,
    ::testing::Values(
        Case{"Empty", "", false, false}, Case{"Dot", ".", false, false},
        Case{"DotDot", "..", false, false}, Case{"ThreeDots", "...", false, false},
        Case{"DotsOf128", std::string(128, '.'), false, false},
        Case{"Of129Characters", std::string(129, 'a'), false, false},
        Case{"Of10Kilobytes", std::string(10240, 'a'), false, false},
        Case{"Of10KilobytesOfPrefix", std::string(10240, 'a') + "." + kUuid, false, false},
        Case{"Star", "*", false, false}, Case{"Tilde", "~", false, false},
        Case{"UpAndSideways", "../evals/" + kUuid, false, false},
        Case{"Slash", "a/b", false, false}, Case{"TrailingSlash", kUuid + "/", false, false},
        Case{"LeadingSlash", "/" + kUuid, false, false}, Case{"Backslash", "a\\b", false, false},
        Case{"EncodedSlash", "a%2fb", false, false}, Case{"EncodedDots", "%2e%2e", false, false},
        Case{"Query", kUuid + "?workspace_uuid=other", false, false},
        Case{"Ampersand", "x&eval=1", false, false}, Case{"Fragment", kUuid + "#f", false, false},
        Case{"Semicolon", kUuid + ";v=1", false, false}, Case{"At", "a@b", false, false},
        Case{"Colon", "urn:uuid:" + kUuid, false, false},
        Case{"Braces", "{" + kUuid + "}", false, false}, Case{"Space", "a b", false, false},
        Case{"LeadingSpace", " " + kUuid, false, false},
        Case{"TrailingSpace", kUuid + " ", false, false}, Case{"Tab", "\t" + kUuid, false, false},
        Case{"Plus", "a+b", false, false}, Case{"TrailingNewline", kUuid + "\n", false, false},
        Case{"NewlineBetweenPrefixAndUuid", "workspace.\n" + kUuid, false, false},
        Case{"HeaderInjection", "a\r\nx-evil: 1", false, false},
        Case{"UuidAndHeaderInjection", kUuid + "\r\nx-evil: 1", false, false},
        Case{"Nul", "a\0b"s, false, false}, Case{"UuidThenNul", kUuid + "\0"s, false, false},
        Case{"NulThenUuid", "\0"s + kUuid, false, false},
        Case{"NulInsideAUuid", "954d54bc-bd5f-4cb5-8d20-688f368b712\0"s, false, false},
        Case{"Latin1", "\xe9", false, false}, Case{"Utf8Letter", "\xc3\xa9", false, false},
        Case{"ArabicDigits", "\xd9\xa0\xd9\xa1\xd9\xa2", false, false},
        Case{"FullWidthDigit", "\xef\xbc\x99" + kUuid.substr(1), false, false},
        Case{"FullWidthDotAfterPrefix", "workspace\xef\xbc\x8e" + kUuid, false, false},
        Case{"Bom", "\xef\xbb\xbf" + kUuid, false, false}),
    Name);

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-' || c == '~';
}

TEST(IsWellFormedIdTest, EveryByteValue) {
  for (int byte = 0; byte < 256; ++byte) {
    SCOPED_TRACE(byte);
    const char c = static_cast<char>(byte);
    const bool fine = IsUnreserved(c) && c != '~';
    EXPECT_EQ(IsWellFormedId(std::string(1, c), IdFormat::kOpaque), fine && c != '.');
    EXPECT_EQ(IsWellFormedId(std::string("x") + c, IdFormat::kOpaque), fine);

    std::string uuid = kUuid;
    uuid[17] = c;
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    EXPECT_EQ(IsWellFormedId(uuid, IdFormat::kUuid), hex);
    const bool in_prefix = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    EXPECT_EQ(IsWellFormedId(std::string("x") + c + "." + kUuid, IdFormat::kUuid), in_prefix);
  }
}

TEST(IsWellFormedIdTest, AcceptedIdsNeedNoUrlEncoding) {
  std::mt19937 random(20240601);
  // Mostly what ids are made of, so that a good share of the strings is accepted.
  const std::string alphabet = "ab0F.-_/%\n? "s + '\0';
  int accepted = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string id;
    const size_t length = random() % 6;
    for (size_t k = 0; k < length; ++k) id += alphabet[random() % alphabet.size()];
    if (random() % 4 == 0) id += kUuid;
    for (IdFormat format : {IdFormat::kUuid, IdFormat::kOpaque}) {
      if (!IsWellFormedId(id, format)) continue;
      ++accepted;
      SCOPED_TRACE(::testing::PrintToString(id));
      EXPECT_FALSE(id.empty());
      EXPECT_TRUE(std::all_of(id.begin(), id.end(), IsUnreserved));
      EXPECT_NE(id.find_first_not_of('.'), std::string::npos);
    }
  }
  EXPECT_GT(accepted, 1000);
}

TEST(DescribeIdFormatTest, CompletesTheSentence) {
  for (IdFormat format : {IdFormat::kUuid, IdFormat::kOpaque}) {
    const std::string text(DescribeIdFormat(format));
    EXPECT_FALSE(text.empty());
    EXPECT_EQ(text.find('\n'), std::string::npos);
  }
  EXPECT_NE(DescribeIdFormat(IdFormat::kUuid), DescribeIdFormat(IdFormat::kOpaque));
}

TEST(CanonicalIdTest, NormalizesPrefixAndCase) {
  EXPECT_EQ(CanonicalId(kUuid), kUuid);
  EXPECT_EQ(CanonicalId(kUpper), kUuid);
  EXPECT_EQ(CanonicalId("workspace." + kUuid), kUuid);
  EXPECT_EQ(CanonicalId("workspace." + kUpper), kUuid);
  EXPECT_EQ(CanonicalId("score_run." + kUuid), kUuid);
}

TEST(CanonicalIdTest, KeepsNonUuids) {
  for (const std::string& id :
       {std::string("My.Workspace"), "Workspace." + kUuid, "a.b." + kUpper, std::string(""),
        std::string("A"), "a\0B"s, kUpper + "0", std::string("workspace.")}) {
    SCOPED_TRACE(::testing::PrintToString(id));
    EXPECT_EQ(CanonicalId(id), id);
  }
}

TEST(TrailingUuidTest, IsCanonicalInEverySpelling) {
  for (const std::string_view id :
       {"954d54bc-bd5f-4cb5-8d20-688f368b712e", "954D54BCBD5F4CB58D20688F368B712E",
        "score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e", "RUN-954d54bcbd5f4cb58d20688f368b712e"}) {
    EXPECT_EQ(TrailingUuid(id), kUuid) << id;
    EXPECT_EQ(CanonicalId(TrailingUuid(id)), kUuid) << id;
  }
  for (const std::string_view id : {"", "-", "954d54bc-bd5f-4cb5-8d20-688f368b712",
                                    "954d54bc-bd5f-4cb5-8d20-688f368b712e.", "golden-1"}) {
    EXPECT_EQ(TrailingUuid(id), "") << id;
  }
}

TEST(CanonicalIdTest, IsIdempotent) {
  for (const std::string& id :
       {kUuid, kUpper, "workspace." + kUpper, std::string("My.Workspace")}) {
    EXPECT_EQ(CanonicalId(CanonicalId(id)), CanonicalId(id));
  }
}

}  // namespace
}  // namespace evalrun::deletion
