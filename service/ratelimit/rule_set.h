// SPDX-License-Identifier: Apache-2.0
//
// File: rule_set.h
//
// The configured limit rules, prepared for checking calls. Pure.
#ifndef EVALRUN_SERVICE_RATELIMIT_RULE_SET_H_
#define EVALRUN_SERVICE_RATELIMIT_RULE_SET_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "service/ratelimit/gcra.h"

namespace evalrun::ratelimit {

// What a rule counts by: each caller (authz/caller.h), each workspace, each API key of the
// upstream, or all calls together.
enum class LimitedBy { kCaller, kWorkspace, kUpstreamKey, kGateway };
inline constexpr std::size_t kLimitedByCount = 4;

// `caller`, `workspace`, `upstream_key`, `gateway`.
[[nodiscard]] std::string_view LimitedByName(LimitedBy by);

// The subjects to which a call is charged. `workspace` is in canonical form; the empty one (the API
// key's own workspace) counts as a workspace too. `upstream_key` is the key's name, not a secret.
struct LimitSubjects {
  std::string_view caller;
  std::string_view workspace;
  std::string_view upstream_key;

  [[nodiscard]] std::string_view Get(LimitedBy by) const {
    return std::array{caller, workspace, upstream_key, std::string_view()}[static_cast<size_t>(by)];
  }
};

// Another quota for the subjects that match `pattern` (authz/pattern.h); nullopt: unlimited.
struct LimitOverride {
  std::string pattern;
  std::optional<Quota> quota;
};

struct LimitRule {
  std::string name;  // unique; appears in metrics, logs and responses
  LimitedBy by = LimitedBy::kGateway;
  Quota quota;
  bool shadow = false;  // counted and logged, but not enforced
  std::vector<LimitOverride> overrides = {};
};

// Immutable and thread-safe.
class RuleSet {
 public:
  explicit RuleSet(std::vector<LimitRule> rules = {});

  [[nodiscard]] std::size_t size() const { return rules_.size(); }
  [[nodiscard]] const LimitRule& rule(std::size_t index) const { return rules_[index].rule; }

  // The quota of a subject under a rule: that of the override with exactly this name, else of the
  // longest prefix that matches, else the rule's own. Null: unlimited. Does not allocate.
  [[nodiscard]] const Quota* FindQuota(std::size_t index, std::string_view subject) const;

 private:
  struct Compiled {
    LimitRule rule;
    absl::flat_hash_map<std::string, std::optional<Quota>> exact;
    std::vector<LimitOverride> prefixes;  // without the `*`, longest first
  };

  std::vector<Compiled> rules_;
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_RULE_SET_H_
