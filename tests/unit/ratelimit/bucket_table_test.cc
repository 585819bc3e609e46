// SPDX-License-Identifier: Apache-2.0
//
// A bounded number of keys, of which only idle ones are evicted.
#include "service/ratelimit/bucket_table.h"

#include <cstdint>
#include <random>
#include <unordered_map>

#include <gtest/gtest.h>

namespace evalrun::ratelimit {
namespace {

constexpr BucketTable::Index kNone = BucketTable::kNone;

TEST(BucketTableTest, KeepsTatPerKey) {
  BucketTable table(100);
  for (BucketTable::Hash key = 0; key < 100; ++key) {
    table.tat(table.Find(key * 64, 0)) = static_cast<std::int64_t>(key) + 1000;
  }
  EXPECT_EQ(table.size(), 100u);
  for (BucketTable::Hash key = 0; key < 100; ++key) {
    EXPECT_EQ(table.tat(table.Find(key * 64, 0)), static_cast<std::int64_t>(key) + 1000);
  }
}

TEST(BucketTableTest, EvictsLeastRecentlyUsedIdleKey) {
  BucketTable table(3);
  for (const BucketTable::Hash key : {1, 2, 3}) table.tat(table.Find(key, 0)) = 10;
  (void)table.Find(1, 5);  // makes it the most recently used
  EXPECT_EQ(table.tat(table.Find(4, 10)), 0) << "a new key";
  EXPECT_EQ(table.size(), 3u);
  EXPECT_EQ(table.evicted(), 1u);
  EXPECT_EQ(table.tat(table.Find(1, 10)), 10);
  EXPECT_EQ(table.tat(table.Find(3, 10)), 10) << "2 was evicted as the oldest";
}

TEST(BucketTableTest, DoesNotEvictKeysInUse) {
  BucketTable table(3);
  for (const BucketTable::Hash key : {1, 2, 3}) table.tat(table.Find(key, 0)) = 10;
  EXPECT_EQ(table.Find(4, 9), kNone);
  for (const BucketTable::Hash key : {1, 2, 3}) EXPECT_EQ(table.tat(table.Find(key, 9)), 10);
  EXPECT_NE(table.Find(4, 10), kNone);
}

TEST(BucketTableTest, EventuallyEvictsIdleKeyBehindKeysInUse) {
  BucketTable table(100);
  for (BucketTable::Hash key = 1; key <= 99; ++key) table.tat(table.Find(key, 0)) = 10;
  table.tat(table.Find(100, 0)) = 1;
  int searches = 1;
  while (table.Find(1000, 5) == kNone) ASSERT_LT(++searches, 100);
  EXPECT_EQ(table.tat(table.Find(50, 5)), 10);
}

TEST(BucketTableTest, MatchesMapModel) {
  std::mt19937_64 random(8);
  BucketTable table(64);
  std::unordered_map<BucketTable::Hash, std::int64_t> model;
  std::int64_t now = 0;
  for (int step = 0; step < 100'000; ++step) {
    ++now;
    // Few distinct low bits, which give long hash chains.
    const BucketTable::Hash key = (random() % 200) << 6U;
    const BucketTable::Index index = table.Find(key, now);
    if (index == kNone) continue;
    ASSERT_EQ(table.hash(index), key);
    const std::int64_t expected = model.contains(key) ? model[key] : 0;
    // An idle key may have been evicted; one in use must not.
    if (expected > now) {
      ASSERT_EQ(table.tat(index), expected);
    } else {
      ASSERT_LE(table.tat(index), now);
    }
    model[key] = table.tat(index) = now + static_cast<std::int64_t>(random() % 100);
  }
  EXPECT_EQ(table.size(), 64u);
  EXPECT_GT(table.evicted(), 1000u);
}

}  // namespace
}  // namespace evalrun::ratelimit
