// SPDX-License-Identifier: Apache-2.0
//
// Selecting the API key for a call, and wiping keys from memory.
#include "service/authz/key_ring.h"

#include <cstring>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/bytes_when_freed.h"

namespace evalrun::authz {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

KeyRing::Key Key(const std::string& name, const std::string& secret) {
  return std::make_shared<UpstreamKey>(name, secret);
}

TEST(UpstreamKeyTest, FormatsHeaderLine) {
  const UpstreamKey key("a", "s3cret");
  EXPECT_STREQ(key.header_line(), "x-api-key: s3cret");
  EXPECT_EQ(key.secret(), "s3cret");
  EXPECT_EQ(key.name(), "a");
}

TEST(UpstreamKeyTest, EachKeyHasAnIdOfItsOwn) {
  const UpstreamKey key("a", "s3cret");
  const UpstreamKey reloaded("a", "s3cret");
  EXPECT_NE(key.id(), reloaded.id());
}

TEST(UpstreamKeyTest, WipedWhenLastReferenceIsReleased) {
  constexpr char kCanary[] = "canary canary";
  auto held = std::make_shared<UpstreamKey>("a", kCanary);
  const std::size_t size = std::strlen(held->header_line());
  config::RecordBytesWhenFreed(held->header_line(), size);
  KeyRing::Key call = held;
  held.reset();
  EXPECT_EQ(config::BytesWhenFreed(), "(not freed)") << "a call still holds it";
  call.reset();
  EXPECT_EQ(config::BytesWhenFreed(), std::string(size, '\0'));
}

TEST(KeyRingTest, SelectsFirstMatchingEntry) {
  const KeyRing ring(Key("default", "0"),
                     {{Scope({"metadata:a"}, {"*", "(unset)"}), Key("by-caller", "1")},
                      {Scope({"*"}, {"team-b"}), Key("by-workspace", "2")},
                      {Scope({"metadata:c"}, {"team-c"}), Key("by-both", "3")}});
  const struct {
    const char* caller;
    const char* workspace;
    const char* key;
  } cases[] = {
      {"metadata:a", "", "by-caller"},          {"metadata:a", "team-b", "by-caller"},
      {"metadata:x", "team-b", "by-workspace"}, {"metadata:c", "team-b", "by-workspace"},
      {"metadata:c", "team-c", "by-both"},      {"metadata:c", "", "default"},
      {"metadata:x", "team-c", "default"},      {"metadata:x", "", "default"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ring.Select(c.caller, c.workspace)->name(), c.key) << c.caller << " " << c.workspace;
  }
}

TEST(KeyRingTest, ReportsChangedKeys) {
  const Scope scope({"*"}, {"*"});
  const KeyRing before(Key("default", "0"), {{scope, Key("a", "1")}, {scope, Key("b", "2")}});
  EXPECT_THAT(before.KeysChangedSince(before), IsEmpty());
  const KeyRing after(Key("default", "0"),
                      {{scope, Key("b", "2")}, {scope, Key("a", "9")}, {scope, Key("c", "1")}});
  EXPECT_THAT(after.KeysChangedSince(before), ElementsAre("a", "c"));
  const KeyRing other(Key("default", "8"), {});
  EXPECT_THAT(other.KeysChangedSince(before), ElementsAre("default"));
}

}  // namespace
}  // namespace evalrun::authz
