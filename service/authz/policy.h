// File: policy.h
//
// Who may delete where. Rules allow, and what none allows is denied. Pure.
//
// The order in which a call is looked at: first whether its message is well-formed, which depends
// on the message alone and so tells nobody anything; then this; then limits, the guard of the
// upstream and the upstream itself, the only one that knows what exists.
#ifndef EVALRUN_SERVICE_AUTHZ_POLICY_H_
#define EVALRUN_SERVICE_AUTHZ_POLICY_H_

#include <string_view>
#include <utility>
#include <vector>

#include "service/authz/scope.h"

namespace evalrun::authz {

enum class AccessDecision {
  kNone,  // there is no policy, or the call was refused before it
  kAllowed,
  kDenied,
  kDryRunDenied,  // it would have been denied
};
inline constexpr int kAccessDecisionCount = 4;

// `allowed`, `denied`, `dry_run_denied`; empty for kNone.
[[nodiscard]] std::string_view AccessDecisionName(AccessDecision decision);

// `reason` of ErrorInfo for callers who are denied.
inline constexpr std::string_view kCallerNotAllowed = "CALLER_NOT_ALLOWED";

// Thread-safe.
class AccessPolicy {
 public:
  // None: everybody may do everything.
  AccessPolicy() = default;
  // No scope at all is no policy. `dry_run`: nobody is denied.
  AccessPolicy(std::vector<Scope> allowed, bool dry_run)
      : allowed_(std::move(allowed)), dry_run_(dry_run) {}

  // `workspace` as Scope::Matches() wants it.
  [[nodiscard]] AccessDecision Decide(std::string_view caller, std::string_view workspace) const;

  // `off`, `dry_run` or `enforced`.
  [[nodiscard]] std::string_view mode() const;

 private:
  std::vector<Scope> allowed_;
  bool dry_run_ = false;
};

}  // namespace evalrun::authz

#endif  // EVALRUN_SERVICE_AUTHZ_POLICY_H_
