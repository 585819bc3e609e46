// SPDX-License-Identifier: Apache-2.0
//
// File: scope.h
//
// A set of calls, selected by caller and workspace: those that a rule of the policy allows, or
// those that use an entry of the key ring. Pure.
#ifndef EVALRUN_SERVICE_AUTHZ_SCOPE_H_
#define EVALRUN_SERVICE_AUTHZ_SCOPE_H_

#include <string>
#include <string_view>
#include <vector>

namespace evalrun::authz {

// Stands for the workspace of a call that does not name one; the upstream then uses the API key's
// own workspace. No workspace id can have this spelling.
inline constexpr std::string_view kUnsetWorkspace = "(unset)";

// Immutable and thread-safe.
class Scope {
 public:
  // `identities` are patterns (authz/pattern.h). `workspaces` are ids in any spelling, prefixes of
  // canonical ids followed by `*`, or kUnsetWorkspace. `*` matches every workspace that a call
  // names, but not a call that names none. An empty list matches nothing.
  Scope(std::vector<std::string> identities, std::vector<std::string> workspaces);

  // `caller`: see authz/caller.h. `workspace`: in canonical form (deletion::CanonicalId); empty if
  // the call does not name one.
  [[nodiscard]] bool Matches(std::string_view caller, std::string_view workspace) const;

 private:
  std::vector<std::string> identities_;
  std::vector<std::string> workspaces_;  // in canonical form
  bool matches_unset_ = false;
};

}  // namespace evalrun::authz

#endif  // EVALRUN_SERVICE_AUTHZ_SCOPE_H_
