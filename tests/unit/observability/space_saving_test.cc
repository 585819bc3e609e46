// SPDX-License-Identifier: Apache-2.0
//
// The most frequent keys of a stream, in bounded memory.
#include "service/observability/space_saving.h"

#include <cstdint>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::observability {
namespace {

using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

std::map<std::string, std::uint64_t> Counts(const SpaceSaving& keys) {
  std::map<std::string, std::uint64_t> counts;
  keys.ForEach([&](std::string_view key, std::uint64_t count) { counts.emplace(key, count); });
  return counts;
}

TEST(SpaceSavingTest, CountsExactlyUpToItsCapacity) {
  SpaceSaving keys;
  for (std::size_t i = 0; i < SpaceSaving::kCapacity; ++i) {
    for (std::size_t n = 0; n <= i; ++n) keys.Add(std::to_string(i));
  }
  const auto counts = Counts(keys);
  ASSERT_THAT(counts, SizeIs(SpaceSaving::kCapacity));
  for (const auto& [key, count] : counts) EXPECT_EQ(count, std::stoull(key) + 1);
}

TEST(SpaceSavingTest, FrequentKeyIsFoundAmongAnyNumberOfOthersAndIsNeverOvercounted) {
  SpaceSaving keys;
  constexpr std::uint64_t kRounds = 10'000;
  // One in 33: more than 1/kCapacity.
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    for (int i = 0; i < 32; ++i) keys.Add("once-" + std::to_string(round * 32 + i));
    if (round >= 2) keys.Add("often");  // all places are taken
  }
  const auto counts = Counts(keys);
  ASSERT_THAT(counts, SizeIs(SpaceSaving::kCapacity));
  ASSERT_TRUE(counts.contains("often"));
  EXPECT_LE(counts.at("often"), kRounds);
  EXPECT_GE(counts.at("often"), kRounds - 33 * kRounds / SpaceSaving::kCapacity);
  for (const auto& [key, count] : counts) {
    if (key == "often") continue;
    EXPECT_EQ(count, 1u) << key << " occurred once";
  }
}

TEST(SpaceSavingTest, LongKeysAreCut) {
  SpaceSaving keys;
  const std::string begin(SpaceSaving::kMaxKeyBytes, 'a');
  keys.Add(begin + "b");
  keys.Add(begin + "c");
  EXPECT_THAT(Counts(keys), UnorderedElementsAre(Pair(begin, 2)));
}

TEST(SpaceSavingTest, ClearForgetsKeysAndCounts) {
  SpaceSaving keys;
  for (int i = 0; i < 1000; ++i) keys.Add(std::to_string(i));
  keys.Clear();
  EXPECT_THAT(Counts(keys), IsEmpty());
  keys.Add("a");
  EXPECT_THAT(Counts(keys), UnorderedElementsAre(Pair("a", 1)));
}

}  // namespace
}  // namespace evalrun::observability
