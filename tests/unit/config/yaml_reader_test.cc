// SPDX-License-Identifier: Apache-2.0

#include "service/config/yaml_reader.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/config/config.pb.h"
#include "service/config/field_value.h"
#include "tests/unit/config/lists.pb.h"

namespace evalrun::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

struct Read {
  v1::GatewayConfig config;
  Sources sources;
  std::vector<std::string> errors;
};

Read ReadText(const std::string& yaml) {
  Read read;
  SetDefaults(&read.config);
  ReadYaml(yaml, "c.yaml", &read.config, &read.sources, &read.errors);
  return read;
}

TEST(ReadYamlTest, SetsOnlyGivenFields) {
  const Read read = ReadText(
      "listen: 0.0.0.0:1\n"
      "upstream:\n"
      "  timeout: 1500ms\n"
      "  url: \"http://h/v2\"\n"
      "retry: {max_attempts: 5, retry_500: false}\n"
      "log:\n"
      "  level: warn  # comment\n");
  EXPECT_THAT(read.errors, IsEmpty());
  EXPECT_EQ(read.config.listen(), "0.0.0.0:1");
  EXPECT_EQ(read.config.upstream().timeout().seconds(), 1);
  EXPECT_EQ(read.config.upstream().url(), "http://h/v2");
  EXPECT_EQ(read.config.upstream().connect_timeout().seconds(), 2) << "still the default";
  EXPECT_EQ(read.config.retry().max_attempts(), 5U);
  EXPECT_FALSE(read.config.retry().retry_500());
  EXPECT_EQ(read.config.log().level(), v1::Log::LEVEL_WARN);
  EXPECT_THAT(
      read.sources,
      ElementsAre(Pair("listen", "c.yaml:1"), Pair("log.level", "c.yaml:7"),
                  Pair("retry.max_attempts", "c.yaml:5"), Pair("retry.retry_500", "c.yaml:5"),
                  Pair("upstream.timeout", "c.yaml:3"), Pair("upstream.url", "c.yaml:4")));
}

TEST(ReadYamlTest, AdvisesWhatToWrite) {
  const struct {
    const char* yaml;
    const char* advice;
  } kTable[] = {
      {"authorization: {rules: [{identities: [*], workspaces: ['*']}]}", "in quotes: '*'"},
      {"listen: *\n", "in quotes: '*'"},
      {"log:\n\tlevel: info\n", "is indented with spaces, and this line begins with a tab"},
      {"log:\n  level: info\n\tformat: x\n", "this line begins with a tab"},
      {"listen: @host:1\n", "is written in quotes"},
  };
  for (const auto& [yaml, advice] : kTable) {
    EXPECT_THAT(ReadText(yaml).errors, ElementsAre(HasSubstr(advice))) << yaml;
  }
  EXPECT_THAT(ReadText("log: {level: info\n").errors,
              ElementsAre(::testing::Not(HasSubstr("quotes"))));
}

TEST(ReadYamlTest, AcceptsEmptyDocuments) {
  for (const char* yaml : {"", "# nothing\n", "---\n", "{}\n", "upstream:\n  # timeout: 1s\n",
                           "---\n{}\n...\n", "\xef\xbb\xbflisten: a:1\n"}) {
    EXPECT_THAT(ReadText(yaml).errors, IsEmpty()) << yaml;
  }
}

struct Case {
  const char* yaml;
  const char* error;
};

TEST(ReadYamlTest, ErrorsNamePathLineAndSuggestion) {
  const Case cases[] = {
      // Unknown keys.
      {"a: 1\n", "a (c.yaml:1): unknown key"},
      {"lisen: a:1\n", "lisen (c.yaml:1): unknown key; did you mean listen?"},
      {"\nupstream:\n  tiemout: 1s\n",
       "upstream.tiemout (c.yaml:3): unknown key; did you mean upstream.timeout?"},
      {"upstream: {api_key: canary}\n",
       "upstream.api_key (c.yaml:1): unknown key; did you mean upstream.api_key_file?"},
      {"max_attempts: 3\n",
       "max_attempts (c.yaml:1): unknown key; did you mean retry.max_attempts?"},
      {"upstream: {max_attempts: 3}\n",
       "upstream.max_attempts (c.yaml:1): unknown key; did you mean retry.max_attempts?"},
      {"upstream-timeout: 3s\n",
       "upstream-timeout (c.yaml:1): unknown key; did you mean upstream.timeout?"},
      {"upstream.timeout: 3s\n",
       "upstream.timeout (c.yaml:1): unknown key; did you mean upstream.timeout?"},
      {"\"li\\nsten\": a:1\n", "li\\nsten (c.yaml:1): unknown key; did you mean listen?"},
      {"<<: {listen: a:1}\n", "<< (c.yaml:1): unknown key"},
      // Duplicate keys.
      {"listen: a:1\nlisten: a:1\n", "listen (c.yaml:2): the key stands there twice"},
      {"retry: {retry_500: true}\nretry: {retry_500: true}\n",
       "retry (c.yaml:2): the key stands there twice"},
      {"retry: {retry_500: true, retry_500: true}\n",
       "retry.retry_500 (c.yaml:1): the key stands there twice"},
      // Wrong shapes.
      {"- listen\n", "document (c.yaml:1): must be a map of keys"},
      {"listen\n", "document (c.yaml:1): must be a map of keys"},
      {"upstream: http://h\n", "upstream (c.yaml:1): must be a map of keys, not a list or a value"},
      {"upstream:\n  - url: http://h\n",
       "upstream (c.yaml:1): must be a map of keys, not a list or a value"},
      {"listen: [a:1]\n", "listen (c.yaml:1): must be one value, not a list or a map"},
      {"listen: {host: a}\n", "listen (c.yaml:1): must be one value, not a list or a map"},
      {"upstream:\n  timeout: {seconds: 1}\n",
       "upstream.timeout (c.yaml:2): must be one value, not a list or a map"},
      {"listen:\n", "listen (c.yaml:1): has no value"},
      {"listen: ~\n", "listen (c.yaml:1): has no value"},
      {"listen: null\n", "listen (c.yaml:1): has no value"},
      {"[a]: 1\n", "document (c.yaml:1): each key must be a plain name"},
      {"{a: 1}: 1\n", "document (c.yaml:1): each key must be a plain name"},
      {"upstream: {~: 1}\n", "upstream (c.yaml:1): each key must be a plain name"},
      // Wrong types.
      {"retry: {max_attempts: three}\n",
       "retry.max_attempts = \"three\" (from c.yaml:1): must be a whole number, such as 1000, of "
       "at "
       "most 4294967295"},
      {"retry: {max_attempts: \"3\"}\n",
       "retry.max_attempts = \"3\" (from c.yaml:1): must stand without quotes"},
      {"retry: {retry_500: 'true'}\n",
       "retry.retry_500 = \"true\" (from c.yaml:1): must stand without quotes"},
      {"retry: {retry_500: yes}\n",
       "retry.retry_500 = \"yes\" (from c.yaml:1): must be true or false"},
      {"log: {level: loud}\n",
       "log.level = \"loud\" (from c.yaml:1): must be one of debug, info, warn, error"},
      {"upstream:\n\n  timeout: 10\n",
       "upstream.timeout = \"10\" (from c.yaml:3): must be a whole number followed by ms, s, m "
       "or h, such as 1500ms, and at most a year"},
      {"upstream: {proxy: \"http://u:canary@h\\n\"}\n",
       "upstream.proxy = \"http://****@h\\n\" (from c.yaml:1): must be UTF-8 without control "
       "characters"},
      // Several documents.
      {"listen: a:1\n---\nlisten: b:1\n",
       "document (c.yaml:2): a file is one document, and another begins here"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(ReadText(c.yaml).errors, ElementsAre(c.error)) << c.yaml;
  }
}

TEST(ReadYamlTest, RejectsALeadingComma) {
  // Until 0.8 yaml-cpp takes what is before it for a document.
  EXPECT_THAT(ReadText(",listen: a:1\n").errors,
              ElementsAre(::testing::AnyOf(
                  "document (c.yaml:1): a file is one document, and another begins here",
                  HasSubstr("document (c.yaml:1): not YAML"))));
}

TEST(ReadYamlTest, RejectsInvalidYaml) {
  std::string deep(100'000, '[');
  for (const std::string& yaml :
       {std::string("listen: [\n"), std::string("listen: \"a\n"), std::string("listen: 'a\r\n\n"),
        std::string("a: b: c\n"), std::string("\tlisten: a\n"), std::string("listen: *nowhere\n"),
        std::string("listen: @a\n"), std::string("listen: !<\n"), deep,
        std::string(100'000, '{')}) {
    const Read read = ReadText(yaml);
    EXPECT_THAT(read.errors, SizeIs(1)) << yaml.substr(0, 20);
    EXPECT_THAT(read.errors, ElementsAre(HasSubstr("c.yaml"))) << yaml.substr(0, 20);
  }
}

TEST(ReadYamlTest, ReportsAllErrors) {
  EXPECT_THAT(ReadText("a: 1\nretry: {max_attempts: x, retry_500: y}\nlog: []\n").errors,
              SizeIs(4));
}

TEST(ReadYamlTest, ReadsLists) {
  test::Lists lists;
  Sources sources;
  std::vector<std::string> errors;
  ReadYaml(
      "rules:\n"
      "- name: a\n"
      "- {name: b, limit: 3}\n"
      "names: [x, y]\n"
      "waits: [1s, 2ms]\n",
      "c.yaml", &lists, &sources, &errors);
  EXPECT_THAT(errors, IsEmpty());
  ASSERT_EQ(lists.rules_size(), 2);
  EXPECT_EQ(lists.rules(0).name(), "a");
  EXPECT_EQ(lists.rules(0).limit(), 7U) << "an element starts with its defaults";
  EXPECT_EQ(lists.rules(1).limit(), 3U);
  EXPECT_THAT(lists.names(), ElementsAre("x", "y"));
  EXPECT_EQ(lists.waits(1).nanos(), 2'000'000);
  EXPECT_EQ(sources["rules[1].limit"], "c.yaml:3");
}

TEST(ReadYamlTest, ListErrorsNameIndex) {
  test::Lists lists;
  Sources sources;
  std::vector<std::string> errors;
  ReadYaml(
      "rules:\n"
      "- name: a\n"
      "- nam: b\n"
      "- just text\n"
      "names: x\n"
      "waits: [1s, soon, [2s]]\n",
      "c.yaml", &lists, &sources, &errors);
  EXPECT_THAT(errors,
              ElementsAre("rules[1].nam (c.yaml:3): unknown key; did you mean rules[1].name?",
                          "rules[2] (c.yaml:4): must be a map of keys, not a list or a value",
                          "names (c.yaml:5): must be a list",
                          "waits[1] = \"soon\" (from c.yaml:6): must be a whole number followed by "
                          "ms, s, m or h, such as 1500ms, and at most a year",
                          "waits[2] (c.yaml:6): must be one value, not a list or a map"));
}

}  // namespace
}  // namespace evalrun::config
