// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/deletion/request_target.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace evalrun::deletion {
namespace {

constexpr std::string_view kRun = "score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e";
constexpr std::string_view kWorkspace = "7D9F3C52-8a41-4b6e-9d0c-2f5e8b1a7c34";

std::string Target(std::string_view base, std::optional<std::string_view> workspace) {
  std::string target =
      "whatever the last call left here, longer than the new target itself could ever be";
  BuildRequestTarget(base, kRun, workspace, &target);
  return target;
}

TEST(BuildRequestTargetTest, WithAWorkspace) {
  EXPECT_EQ(Target("/v2", kWorkspace),
            "/v2/eval-runs/score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e"
            "?workspace_uuid=7D9F3C52-8a41-4b6e-9d0c-2f5e8b1a7c34");
}

TEST(BuildRequestTargetTest, WithoutWorkspaceHasNoQuery) {
  EXPECT_EQ(Target("/v2", std::nullopt),
            "/v2/eval-runs/score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e");
}

TEST(BuildRequestTargetTest, AnEmptyBasePath) {
  EXPECT_EQ(Target("", std::nullopt), "/eval-runs/score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e");
}

TEST(BuildRequestTargetTest, BasePathWithSeveralSegments) {
  EXPECT_EQ(Target("/proxy/aymara/v2", std::nullopt),
            "/proxy/aymara/v2/eval-runs/score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e");
}

TEST(BuildRequestTargetTest, ReplacesTheTargetString) {
  std::string target;
  BuildRequestTarget("/v2", "a", "w", &target);
  EXPECT_EQ(target, "/v2/eval-runs/a?workspace_uuid=w");
  BuildRequestTarget("/v2", "b", std::nullopt, &target);
  EXPECT_EQ(target, "/v2/eval-runs/b");
}

TEST(BuildProbeTargetTest, HasAWorkspaceOnlyWhereThereIsOne) {
  std::string target = "/v2/eval-runs/a?workspace_uuid=w";
  BuildProbeTarget("/v2", std::nullopt, &target);
  EXPECT_EQ(target, "/v2/eval-runs?limit=1");
  BuildProbeTarget("/proxy/v2", kWorkspace, &target);
  EXPECT_EQ(target,
            "/proxy/v2/eval-runs?limit=1&workspace_uuid=7D9F3C52-8a41-4b6e-9d0c-2f5e8b1a7c34");
  BuildProbeTarget("", std::nullopt, &target);
  EXPECT_EQ(target, "/eval-runs?limit=1");
}

}  // namespace
}  // namespace evalrun::deletion
