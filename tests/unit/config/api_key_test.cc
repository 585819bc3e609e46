// SPDX-License-Identifier: Apache-2.0

#include "service/config/api_key.h"

#include <string>

#include <absl/status/status.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/config/read_file.h"
#include "tests/unit/config/bytes_when_freed.h"

namespace evalrun::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

absl::StatusOr<ApiKey> FromFile(const std::string& content) {
  return FindApiKey(
      "key-file", {{kApiKeyVariable, "from-variable"}},
      [&content](const std::string&, std::size_t max_bytes) -> absl::StatusOr<std::string> {
        if (content.size() > max_bytes) {
          return absl::InvalidArgumentError("cannot read key-file: too large");
        }
        return content;
      });
}

absl::StatusOr<ApiKey> FromVariable(std::string_view value) {
  return FindApiKey("", {{kApiKeyVariable, value}},
                    [](const std::string&, std::size_t) -> absl::StatusOr<std::string> {
                      ADD_FAILURE() << "no file was named";
                      return std::string();
                    });
}

TEST(FindApiKeyTest, StripsOneTrailingNewline) {
  for (const char* content : {"canary-key", "canary-key\n", "canary-key\r\n"}) {
    const auto from_file = FromFile(content);
    ASSERT_TRUE(from_file.ok()) << from_file.status();
    EXPECT_EQ(from_file->key.RevealForSending(), "canary-key");
    EXPECT_EQ(from_file->source, "key-file") << "the file has precedence";
    const auto from_variable = FromVariable(content);
    ASSERT_TRUE(from_variable.ok()) << from_variable.status();
    EXPECT_EQ(from_variable->key.RevealForSending(), "canary-key");
    EXPECT_EQ(from_variable->source, "AYMARA_AI_API_KEY");
  }
}

TEST(FindApiKeyTest, EnforcesMaxLength) {
  const std::string longest(kMaxApiKeyBytes, 'k');
  EXPECT_TRUE(FromFile(longest).ok());
  EXPECT_TRUE(FromFile(longest + "\r\n").ok());
  EXPECT_FALSE(FromFile(longest + "k").ok());
  EXPECT_FALSE(FromFile(longest + "k\n").ok());
  EXPECT_FALSE(FromFile(longest + longest).ok());
  EXPECT_TRUE(FromVariable(longest).ok());
  EXPECT_FALSE(FromVariable(longest + "k").ok());
}

TEST(FindApiKeyTest, RejectsInvalidKeyWithoutRevealingIt) {
  for (const std::string& content : {std::string("\n"),
                                     std::string("\r\n"),
                                     std::string(" "),
                                     std::string("canary\n\n"),
                                     std::string("canary\r"),
                                     std::string("canary\n\r"),
                                     std::string("\ncanary"),
                                     std::string("canary key"),
                                     std::string(" canary"),
                                     std::string("canary "),
                                     std::string("canary\tkey"),
                                     std::string("canary\r\nX-Other: 1"),
                                     std::string("canary\0", 7),
                                     std::string("\"canary\""),
                                     std::string("'canary'"),
                                     std::string("canary\""),
                                     std::string("can'ary"),
                                     std::string("`canary`"),
                                     std::string("canary\x7f"),
                                     std::string("canary\xc3\xa9"),
                                     std::string("\xef\xbb\xbf"
                                                 "canary")}) {
    for (const auto& key : {FromFile(content).status(), FromVariable(content).status()}) {
      EXPECT_EQ(key.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(std::string(key.message()), Not(HasSubstr("canary")));
    }
  }
  EXPECT_THAT(std::string(FromFile("").status().message()), HasSubstr("key-file: it is empty"));
  EXPECT_THAT(std::string(FromVariable("\"sk-abc\"").status().message()),
              HasSubstr("byte 1 is a quotation mark; write the key without quotes"));
  EXPECT_THAT(std::string(FromFile("ab cd").status().message()), HasSubstr("byte 3"));
}

TEST(FindApiKeyTest, WipesFileContent) {
  const auto key = FindApiKey("key-file", {},
                              [](const std::string&, std::size_t) -> absl::StatusOr<std::string> {
                                std::string content(100, 'k');
                                RecordBytesWhenFreed(content.data(), content.size());
                                return content;
                              });
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(BytesWhenFreed(), std::string(100, '\0'));
}

TEST(FindApiKeyTest, UnreadableFileDoesNotFallBackToVariable) {
  const auto key = FindApiKey("/gone", {{kApiKeyVariable, "from-variable"}},
                              [](const std::string&, std::size_t) -> absl::StatusOr<std::string> {
                                return absl::InvalidArgumentError("cannot read /gone: reason");
                              });
  EXPECT_EQ(key.status().message(), "API key: cannot read /gone: reason");
}

TEST(FindApiKeyTest, AKeyInPlaceOfItsFileIsNotShown) {
  for (const char* file : {"canary", "a", ": a"}) {
    const auto key = FindApiKey(file, {}, [](const std::string& path, std::size_t max_bytes) {
      return ReadFile(path, max_bytes);
    });
    EXPECT_EQ(key.status().message(),
              "API key: cannot read the file (its name is not shown: without a slash it may be the "
              "key itself): No such file or directory")
        << file;
  }
}

TEST(FindApiKeyTest, MissingKeyErrorNamesBothSources) {
  for (const auto& key : {FromVariable("").status(), FindApiKey("", {}, nullptr).status()}) {
    EXPECT_EQ(key.code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(std::string(key.message()), HasSubstr("AYMARA_AI_API_KEY"));
    EXPECT_THAT(std::string(key.message()), HasSubstr("--api-key-file"));
  }
}

}  // namespace
}  // namespace evalrun::config
