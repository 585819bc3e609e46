#include "service/config/authorization.h"

#include <algorithm>
#include <string_view>

#include "rest_backend/deletion/resource_id.h"
#include "service/authz/scope.h"
#include "service/config/identity.h"
#include "service/config/text.h"

namespace evalrun::config {
namespace {

constexpr std::string_view kNilUuid = "00000000-0000-0000-0000-000000000000";

// Whether it can be the beginning of an id in canonical form.
bool IsCanonicalIdPrefix(std::string_view beginning, bool opaque_ids) {
  if (opaque_ids) {
    return deletion::IsWellFormedId(Concat(beginning, "x"), deletion::IdFormat::kOpaque);
  }
  if (beginning.size() > kNilUuid.size() ||
      std::ranges::any_of(beginning, [](char c) { return c >= 'A' && c <= 'Z'; })) {
    return false;
  }
  // Without a type prefix, what is left of a UUID completes it.
  return deletion::IsWellFormedId(Concat(beginning, kNilUuid.substr(beginning.size())),
                                  deletion::IdFormat::kUuid);
}

}  // namespace

absl::Status CheckWorkspacePattern(std::string_view text, bool opaque_ids) {
  if (text == authz::kUnsetWorkspace || text == "*") return absl::OkStatus();
  if (text.ends_with('*')) {
    if (IsCanonicalIdPrefix(text.substr(0, text.size() - 1), opaque_ids)) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "must have before its * the beginning of an id, in lower case and without a type prefix");
  }
  const auto format = opaque_ids ? deletion::IdFormat::kOpaque : deletion::IdFormat::kUuid;
  if (deletion::IsWellFormedId(text, format)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      Concat("must be *, (unset), the beginning of an id followed by "
             "*, or ",
             deletion::DescribeIdFormat(format)));
}

void CheckAuthorization(const v1::Authorization& authorization, bool opaque_ids,
                        std::vector<std::string>* errors) {
  for (int i = 0; i < authorization.rules_size(); ++i) {
    const v1::AuthorizationRule& rule = authorization.rules(i);
    const auto check = [&](std::string_view list, int index, const std::string& text,
                           const absl::Status& status) {
      if (status.ok()) return;
      errors->push_back(Concat("authorization.rules[", i, "].", list, "[", index, "] = \"",
                               Escape(text), "\": ", status.message()));
    };
    for (int j = 0; j < rule.identities_size(); ++j) {
      check("identities", j, rule.identities(j), CheckIdentityPattern(rule.identities(j)));
    }
    for (int j = 0; j < rule.workspaces_size(); ++j) {
      check("workspaces", j, rule.workspaces(j),
            CheckWorkspacePattern(rule.workspaces(j), opaque_ids));
    }
    if (rule.identities().empty() || rule.workspaces().empty()) {
      errors->push_back(Concat("authorization.rules[", i,
                               "]: must have identities and workspaces, or it allows nothing"));
    }
  }
}

}  // namespace evalrun::config
