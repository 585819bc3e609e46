// SPDX-License-Identifier: Apache-2.0

#include "service/authz/policy.h"

#include <algorithm>

namespace evalrun::authz {

std::string_view AccessDecisionName(AccessDecision decision) {
  switch (decision) {
    case AccessDecision::kAllowed:
      return "allowed";
    case AccessDecision::kDenied:
      return "denied";
    case AccessDecision::kDryRunDenied:
      return "dry_run_denied";
    default:
      return "";
  }
}

AccessDecision AccessPolicy::Decide(std::string_view caller, std::string_view workspace) const {
  if (allowed_.empty()) return AccessDecision::kNone;
  const bool is_allowed = std::ranges::any_of(
      allowed_, [&](const Scope& scope) { return scope.Matches(caller, workspace); });
  if (is_allowed) return AccessDecision::kAllowed;
  return dry_run_ ? AccessDecision::kDryRunDenied : AccessDecision::kDenied;
}

std::string_view AccessPolicy::mode() const {
  if (allowed_.empty()) return "off";
  return dry_run_ ? "dry_run" : "enforced";
}

}  // namespace evalrun::authz
