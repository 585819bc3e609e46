// SPDX-License-Identifier: Apache-2.0

#include "service/ratelimit/rule_set.h"

#include <algorithm>
#include <utility>

#include "service/authz/pattern.h"

namespace evalrun::ratelimit {
namespace {

const Quota* ToPointer(const std::optional<Quota>& quota) {
  return quota.has_value() ? &*quota : nullptr;
}

}  // namespace

std::string_view LimitedByName(LimitedBy by) {
  switch (by) {
    case LimitedBy::kCaller:
      return "caller";
    case LimitedBy::kWorkspace:
      return "workspace";
    case LimitedBy::kUpstreamKey:
      return "upstream_key";
    case LimitedBy::kGateway:
      break;
  }
  return "gateway";
}

RuleSet::RuleSet(std::vector<LimitRule> rules) {
  for (LimitRule& rule : rules) {
    Compiled compiled;
    for (const LimitOverride& o : rule.overrides) {
      if (authz::IsPrefixPattern(o.pattern)) {
        compiled.prefixes.push_back({o.pattern.substr(0, o.pattern.size() - 1), o.quota});
      } else {
        compiled.exact.emplace(o.pattern, o.quota);
      }
    }
    std::ranges::stable_sort(compiled.prefixes, [](const auto& a, const auto& b) {
      return a.pattern.size() > b.pattern.size();
    });
    compiled.rule = std::move(rule);
    rules_.push_back(std::move(compiled));
  }
}

const Quota* RuleSet::FindQuota(std::size_t index, std::string_view subject) const {
  const Compiled& compiled = rules_[index];
  if (!compiled.exact.empty()) {
    const auto found = compiled.exact.find(absl::string_view(subject.data(), subject.size()));
    if (found != compiled.exact.end()) return ToPointer(found->second);
  }
  for (const LimitOverride& prefix : compiled.prefixes) {
    if (subject.starts_with(prefix.pattern)) return ToPointer(prefix.quota);
  }
  return &compiled.rule.quota;
}

}  // namespace evalrun::ratelimit
