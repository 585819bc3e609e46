// SPDX-License-Identifier: Apache-2.0
//
// The quota of a subject under a rule.
#include "service/ratelimit/rule_set.h"

#include <gtest/gtest.h>

namespace evalrun::ratelimit {
namespace {

constexpr Quota kDefault{.interval = 1, .burst = 1};
constexpr Quota kTeam{.interval = 2, .burst = 1};
constexpr Quota kBatch{.interval = 3, .burst = 1};
constexpr Quota kNightly{.interval = 4, .burst = 1};

RuleSet Rules() {
  return RuleSet({{.name = "per-caller",
                   .by = LimitedBy::kCaller,
                   .quota = kDefault,
                   .overrides = {{"spiffe://prod/*", kTeam},
                                 {"spiffe://prod/batch/*", kBatch},
                                 {"spiffe://prod/batch/nightly", kNightly},
                                 {"spiffe://prod/batch/admin", std::nullopt},
                                 {"spiffe://ops/*", std::nullopt}}},
                  {.name = "all", .quota = kDefault}});
}

TEST(RuleSetTest, MostSpecificOverrideWins) {
  const RuleSet rules = Rules();
  struct {
    const char* caller;
    const Quota* quota;
  } const cases[] = {
      {"ip:10.0.0.7", &kDefault},
      {"", &kDefault},
      {"spiffe://prod", &kDefault},
      {"spiffe://prod/web", &kTeam},
      {"spiffe://prod/batch", &kTeam},
      {"spiffe://prod/batch/a", &kBatch},
      {"spiffe://prod/batch/nightly", &kNightly},
      {"spiffe://prod/batch/nightly2", &kBatch},
      {"spiffe://prod/batch/admin", nullptr},
      {"spiffe://ops/", nullptr},
  };
  for (const auto& c : cases) {
    const Quota* quota = rules.FindQuota(0, c.caller);
    ASSERT_EQ(quota == nullptr, c.quota == nullptr) << c.caller;
    if (quota != nullptr) {
      EXPECT_EQ(*quota, *c.quota) << c.caller;
    }
  }
  EXPECT_EQ(*rules.FindQuota(1, "spiffe://ops/a"), kDefault) << "overrides are each rule's own";
}

TEST(RuleSetTest, GetReturnsSubjectByKind) {
  const LimitSubjects subjects{.caller = "c", .workspace = "w", .upstream_key = "k"};
  EXPECT_EQ(subjects.Get(LimitedBy::kCaller), "c");
  EXPECT_EQ(subjects.Get(LimitedBy::kWorkspace), "w");
  EXPECT_EQ(subjects.Get(LimitedBy::kUpstreamKey), "k");
  EXPECT_EQ(subjects.Get(LimitedBy::kGateway), "");
}

}  // namespace
}  // namespace evalrun::ratelimit
