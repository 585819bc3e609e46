// SPDX-License-Identifier: Apache-2.0

#include "service/authz/scope.h"

#include <algorithm>
#include <utility>

#include "rest_backend/deletion/resource_id.h"
#include "service/authz/pattern.h"

namespace evalrun::authz {
namespace {

bool MatchesAny(const std::vector<std::string>& patterns, std::string_view text) {
  return std::ranges::any_of(
      patterns, [text](std::string_view pattern) { return MatchesPattern(pattern, text); });
}

}  // namespace

Scope::Scope(std::vector<std::string> identities, std::vector<std::string> workspaces)
    : identities_(std::move(identities)) {
  for (std::string& workspace : workspaces) {
    if (workspace == kUnsetWorkspace) {
      matches_unset_ = true;
    } else if (IsPrefixPattern(workspace)) {
      workspaces_.push_back(std::move(workspace));
    } else {
      workspaces_.push_back(deletion::CanonicalId(workspace));
    }
  }
}

bool Scope::Matches(std::string_view caller, std::string_view workspace) const {
  const bool workspace_matches =
      workspace.empty() ? matches_unset_ : MatchesAny(workspaces_, workspace);
  return workspace_matches && MatchesAny(identities_, caller);
}

}  // namespace evalrun::authz
