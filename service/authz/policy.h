// SPDX-License-Identifier: Apache-2.0
//
// File: policy.h
//
// Authorization: who may delete where. Rules only allow; a call that no rule allows is denied.
// Pure.
//
// The order in which a call is checked: first that its message is well-formed, which depends only
// on the message and so reveals nothing about the policy; then this policy; then limits, admission
// control and finally the upstream, which alone knows which runs exist.
#ifndef EVALRUN_SERVICE_AUTHZ_POLICY_H_
#define EVALRUN_SERVICE_AUTHZ_POLICY_H_

#include <string_view>
#include <utility>
#include <vector>

#include "service/authz/scope.h"

namespace evalrun::authz {

enum class AccessDecision {
  kNone,  // there is no policy, or the call was rejected before it was checked
  kAllowed,
  kDenied,
  kDryRunDenied,  // allowed only because of dry run
};
inline constexpr int kAccessDecisionCount = 4;

// `allowed`, `denied`, `dry_run_denied`; empty for kNone.
[[nodiscard]] std::string_view AccessDecisionName(AccessDecision decision);

// `reason` of ErrorInfo for denied calls.
inline constexpr std::string_view kCallerNotAllowed = "CALLER_NOT_ALLOWED";

// Immutable and thread-safe.
class AccessPolicy {
 public:
  // No policy: every call is allowed.
  AccessPolicy() = default;
  // An empty `allowed` means no policy. With `dry_run` no call is denied.
  AccessPolicy(std::vector<Scope> allowed, bool dry_run)
      : allowed_(std::move(allowed)), dry_run_(dry_run) {}

  // `workspace` as in Scope::Matches().
  [[nodiscard]] AccessDecision Decide(std::string_view caller, std::string_view workspace) const;

  // `off`, `dry_run` or `enforced`.
  [[nodiscard]] std::string_view mode() const;

 private:
  std::vector<Scope> allowed_;
  bool dry_run_ = false;
};

}  // namespace evalrun::authz

#endif  // EVALRUN_SERVICE_AUTHZ_POLICY_H_
