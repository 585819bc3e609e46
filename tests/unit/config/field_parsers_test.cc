// SPDX-License-Identifier: Apache-2.0

#include "service/config/field_parsers.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/config/field_value.h"
#include "tests/unit/config/lists.pb.h"

namespace evalrun::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Parse(const google::protobuf::Message& message,
                               const FieldParsers& parsers, const Sources& sources = {}) {
  std::vector<std::string> lines;
  FieldErrors errors{.sources = sources, .lines = lines};
  ParseFields("", message, parsers, &errors);
  return lines;
}

absl::StatusOr<int> ParseOdd(std::string_view text) {
  if (text == "one") return 1;
  if (text == "three") return 3;
  return absl::InvalidArgumentError("must be odd");
}

TEST(ParseFieldsTest, ReportsTextsAndListsWithoutParser) {
  EXPECT_THAT(Parse(test::Lists(), {}), ElementsAre("rules: the gateway has no parser for it",
                                                    "names: the gateway has no parser for it"))
      << "though both lists are empty";
  EXPECT_THAT(Parse(test::Rule(), {}), ElementsAre("name: the gateway has no parser for it"));
}

TEST(ParseFieldsTest, ParsesEachElement) {
  test::Lists lists;
  for (const char* name : {"one", "two", "three"}) lists.add_names(name);
  lists.add_rules()->set_name("one");
  std::vector<int> names;
  int rule_name = 0;
  std::vector<std::string> rules;
  const auto parse_rule = [&](const std::string& name, const test::Rule& rule) {
    rules.push_back(name);
    EXPECT_THAT(Parse(rule, {.texts = {{"name", ParseInto(ParseOdd, &rule_name)}}, .elements = {}}),
                IsEmpty());
  };
  EXPECT_THAT(Parse(lists,
                    {.texts = {{"names", ParseOnto(ParseOdd, &names)}},
                     .elements = {{"rules", ForEach<test::Rule>(parse_rule)}}},
                    {{"names[1]", "a.yaml:2"}}),
              ElementsAre("names[1] = \"two\" (from a.yaml:2): must be odd"));
  EXPECT_THAT(names, ElementsAre(1, 3));
  EXPECT_THAT(rules, ElementsAre("rules[0]"));
  EXPECT_EQ(rule_name, 1);
}

}  // namespace
}  // namespace evalrun::config
