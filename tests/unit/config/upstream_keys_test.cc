// SPDX-License-Identifier: Apache-2.0
//
// The list `upstream.keys`, and the files that it names.
#include "service/config/upstream_keys.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/load.h"

namespace evalrun::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

LoadResult LoadKeys(const std::string& keys) {
  return Load(
      {.flags = {"--config=c"},
       .files = {{"c", "upstream: {keys: [" + keys + "]}"}, {"a", "key-a\n"}, {"b", "key-b"}}});
}

TEST(UpstreamKeysTest, ReadsKeysInListOrder) {
  const LoadResult result = LoadKeys(
      "{name: b, file: b, identities: ['*']}, {name: a.1, file: a, workspaces: [(unset)]}");
  const auto& loaded = std::get<LoadedConfig>(result);
  ASSERT_THAT(loaded.keys, SizeIs(2));
  EXPECT_EQ(loaded.keys[0].name, "b");
  EXPECT_EQ(loaded.keys[0].secret.RevealForSending(), "key-b");
  EXPECT_EQ(loaded.keys[1].name, "a.1");
  EXPECT_EQ(loaded.keys[1].secret.RevealForSending(), "key-a");
  EXPECT_EQ(loaded.api_key.RevealForSending(), "test-key");
}

TEST(UpstreamKeysTest, EmptyListMatchesEverything) {
  const LoadResult result = LoadKeys(
      "{name: a, file: a, identities: ['dns:a']}, {name: b, file: b, workspaces: ['7d*']}");
  const auto& loaded = std::get<LoadedConfig>(result);
  ASSERT_THAT(loaded.keys, SizeIs(2));
  EXPECT_TRUE(loaded.keys[0].scope.Matches("dns:a", "7d"));
  EXPECT_TRUE(loaded.keys[0].scope.Matches("dns:a", ""));
  EXPECT_FALSE(loaded.keys[0].scope.Matches("dns:b", "7d"));
  EXPECT_TRUE(loaded.keys[1].scope.Matches("dns:b", "7d"));
  EXPECT_FALSE(loaded.keys[1].scope.Matches("dns:b", ""));
}

TEST(UpstreamKeysTest, RejectsInvalidKeys) {
  const struct {
    const char* keys;
    const char* why;
  } cases[] = {
      {"{name: '', file: a, identities: ['*']}", "upstream.keys[0].name: must be 1 to 64"},
      {"{name: Team, file: a, identities: ['*']}", "upstream.keys[0].name: must be 1 to 64"},
      {"{name: default, file: a, identities: ['*']}", "must be a name that no other key has"},
      {"{name: a, file: a, identities: ['*']}, {name: a, file: b, identities: ['*']}",
       "upstream.keys[1].name: \"a\" must be a name that no other key has"},
      {"{name: a, identities: ['*']}", "upstream.keys[0].file: must name the file"},
      {"{name: a, file: a}", "upstream.keys[0]: must have identities or workspaces"},
      {"{name: a, file: a, identities: [batch]}", "upstream.keys[0].identities: \"batch\" must"},
      {"{name: a, file: a, workspaces: ['%']}", "upstream.keys[0].workspaces: \"%\" must"},
      {"{name: a, file: missing, identities: ['*']}",
       "upstream.keys: a: API key: cannot read the file"},
      {"{name: a, file: c, identities: ['*']}", "API key from c: "},
  };
  for (const auto& c : cases) {
    const EarlyExit early_exit = ToEarlyExit(LoadKeys(c.keys));
    EXPECT_EQ(early_exit.exit_code, 2) << c.keys;
    EXPECT_THAT(early_exit.err, HasSubstr(c.why)) << c.keys;
  }
}

}  // namespace
}  // namespace evalrun::config
