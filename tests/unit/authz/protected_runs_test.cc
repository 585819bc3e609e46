// SPDX-License-Identifier: Apache-2.0
#include "service/authz/protected_runs.h"

#include <cstddef>
#include <string>
#include <utility>

#include <absl/strings/str_format.h>
#include <gtest/gtest.h>

namespace evalrun::authz {
namespace {

constexpr char kRun[] = "954d54bc-bd5f-4cb5-8d20-688f368b712e";

ProtectedRuns Protect(std::initializer_list<std::string_view> ids) {
  ProtectedRuns::Builder builder;
  for (const std::string_view id : ids) builder.Add(id);
  return std::move(builder).Build();
}

TEST(ProtectedRunsTest, FindsEverySpellingOfAnId) {
  for (const std::string_view listed :
       {"954d54bc-bd5f-4cb5-8d20-688f368b712e", "954D54BC-BD5F-4CB5-8D20-688F368B712E",
        "score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e"}) {
    const ProtectedRuns runs = Protect({listed});
    EXPECT_EQ(runs.size(), 1u);
    EXPECT_TRUE(runs.Contains(kRun)) << listed;
    EXPECT_TRUE(runs.Contains("954D54BC-BD5F-4CB5-8D20-688F368B712E")) << listed;
    EXPECT_TRUE(runs.Contains(std::string("eval_run.") + kRun)) << listed;
    EXPECT_FALSE(runs.Contains("954d54bc-bd5f-4cb5-8d20-688f368b712f")) << listed;
    EXPECT_FALSE(runs.Contains("054d54bc-bd5f-4cb5-8d20-688f368b712e")) << listed;
  }
}

// Opaque ids, which a lenient upstream may take for the protected run.
TEST(ProtectedRunsTest, FindsWhateverEndsWithAUuidOfTheList) {
  constexpr std::string_view kSpellings[] = {
      "954d54bcbd5f4cb58d20688f368b712e", "SCORE_RUN.954D54BC-BD5F-4CB5-8D20-688F368B712E",
      "a.score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e", "9-54d54bcbd5f4cb58d20688f368b712e"};
  for (const std::string_view spelling : kSpellings) {
    EXPECT_TRUE(Protect({kRun}).Contains(spelling)) << spelling;
    EXPECT_TRUE(Protect({spelling}).Contains(kRun)) << spelling;
  }
  EXPECT_FALSE(Protect({kRun}).Contains(std::string(kRun) + "x"));
}

TEST(ProtectedRunsTest, KeepsIdsThatAreNoUuids) {
  const ProtectedRuns runs = Protect({"golden-1", kRun, "golden-2"});
  EXPECT_TRUE(runs.Contains("golden-1"));
  EXPECT_TRUE(runs.Contains("golden-2"));
  EXPECT_TRUE(runs.Contains(kRun));
  EXPECT_FALSE(runs.Contains("Golden-1")) << "only UUIDs have several spellings";
  EXPECT_FALSE(runs.Contains("golden"));
}

TEST(ProtectedRunsTest, CountsAnIdOnce) {
  EXPECT_EQ(Protect({kRun, "golden", std::string("score_run.") + kRun, "golden"}).size(), 2u);
  EXPECT_EQ(Protect({}).size(), 0u);
  EXPECT_FALSE(Protect({}).Contains(kRun));
}

TEST(ProtectedRunsTest, FindsEachOfManyAndNoOther) {
  constexpr std::size_t kCount = 20'000;
  const auto id = [](std::size_t i) {
    // In no order.
    return absl::StrFormat("%08x-0000-4000-8000-%012x", (i * 2654435761U) & 0xFFFFFFFFU, i);
  };
  ProtectedRuns::Builder builder;
  for (std::size_t i = 0; i < kCount; i += 2) builder.Add(id(i));
  const ProtectedRuns runs = std::move(builder).Build();
  EXPECT_EQ(runs.size(), kCount / 2);
  for (std::size_t i = 0; i < kCount; ++i) EXPECT_EQ(runs.Contains(id(i)), i % 2 == 0) << i;
}

}  // namespace
}  // namespace evalrun::authz
