// SPDX-License-Identifier: Apache-2.0

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

authz::Scope ParseAuthorizationRule(const std::string& name, const v1::AuthorizationRule& rule,
                                    bool opaque_ids, FieldErrors* errors,
                                    std::vector<std::string>* conflicts) {
  const auto add = [&](const std::string& field, const std::string& text,
                       const absl::Status& status) {
    if (status.ok()) return;
    conflicts->push_back(Concat(field, " = ", Quote(text), ": ", status.message()));
  };
  const auto parse_identity = [&](const std::string& field, const std::string& text) {
    add(field, text, CheckIdentityPattern(text));
    return absl::OkStatus();
  };
  const auto parse_workspace = [&](const std::string& field, const std::string& text) {
    add(field, text, CheckWorkspacePattern(text, opaque_ids));
    return absl::OkStatus();
  };
  ParseFields(
      name, rule,
      {.texts = {{"identities", parse_identity}, {"workspaces", parse_workspace}}, .elements = {}},
      errors);
  if (rule.identities().empty() || rule.workspaces().empty()) {
    conflicts->push_back(
        Concat(name, ": must have identities and workspaces, or it allows nothing"));
  }
  return {{rule.identities().begin(), rule.identities().end()},
          {rule.workspaces().begin(), rule.workspaces().end()}};
}

}  // namespace evalrun::config
