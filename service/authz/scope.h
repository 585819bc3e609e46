// File: scope.h
//
// A set of calls, by who makes them and in which workspace: what a rule of the policy allows, and
// what a key of the key ring is for. Pure.
#ifndef EVALRUN_SERVICE_AUTHZ_SCOPE_H_
#define EVALRUN_SERVICE_AUTHZ_SCOPE_H_

#include <string>
#include <string_view>
#include <vector>

namespace evalrun::authz {

// Stands for the workspace of a call that names none, which is the upstream key's own. No id can be
// spelled like this.
inline constexpr std::string_view kUnsetWorkspace = "(unset)";

// Thread-safe.
class Scope {
 public:
  // `identities` are patterns (identity/pattern.h).
  // `workspaces` are ids in any spelling, beginnings of ids in canonical form followed by `*`, or
  // kUnsetWorkspace. `*` is every workspace that a call names, but not the one that it leaves out.
  // An empty list is nobody, or nowhere.
  Scope(std::vector<std::string> identities, std::vector<std::string> workspaces);

  // `caller`: identity/caller.h. `workspace`: in canonical form (deletion::CanonicalId); empty: the
  // call names none.
  [[nodiscard]] bool Matches(std::string_view caller, std::string_view workspace) const;

 private:
  std::vector<std::string> identities_;
  std::vector<std::string> workspaces_;  // canonical
  bool matches_unset_ = false;
};

}  // namespace evalrun::authz

#endif  // EVALRUN_SERVICE_AUTHZ_SCOPE_H_
