// File: rule_set.h
//
// The rules of the configuration, in the form in which calls are held against them. Pure.
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

// What a rule counts by: each caller (identity/caller.h), each workspace, each API key of the
// upstream, or everything together.
enum class LimitedBy { kCaller, kWorkspace, kUpstreamKey, kGateway };
inline constexpr std::size_t kLimitedByCount = 4;

// `caller`, `workspace`, `upstream_key`, `gateway`.
[[nodiscard]] std::string_view LimitedByName(LimitedBy by);

// Whom a call counts for. `workspace` is in canonical form; empty (the key's own workspace) counts
// as a workspace too. `upstream_key` is a name that is no secret.
struct LimitSubjects {
  std::string_view caller;
  std::string_view workspace;
  std::string_view upstream_key;

  [[nodiscard]] std::string_view Get(LimitedBy by) const {
    return std::array{caller, workspace, upstream_key, std::string_view()}[static_cast<size_t>(by)];
  }
};

// Another quota for those whom `pattern` (identity/pattern.h) matches; nothing: no limit.
struct LimitOverride {
  std::string pattern;
  std::optional<Quota> quota;
};

struct LimitRule {
  std::string name;  // unique; in metrics, logs and answers
  LimitedBy by = LimitedBy::kGateway;
  Quota quota;
  bool shadow = false;  // counted and logged, not enforced
  std::vector<LimitOverride> overrides = {};
};

// Immutable, and so thread-safe.
class RuleSet {
 public:
  explicit RuleSet(std::vector<LimitRule> rules = {});

  [[nodiscard]] std::size_t size() const { return rules_.size(); }
  [[nodiscard]] const LimitRule& rule(std::size_t index) const { return rules_[index].rule; }

  // The quota of a subject under a rule: of the override that names it exact, else of the longest
  // beginning that matches, else the rule's own. Nothing: no limit. Allocates nothing.
  [[nodiscard]] const Quota* FindQuota(std::size_t index, std::string_view subject) const;

 private:
  struct Compiled {
    LimitRule rule;
    absl::flat_hash_map<std::string, std::optional<Quota>> exact;
    std::vector<LimitOverride> prefixes;  // without the `*`, the longest first
  };

  std::vector<Compiled> rules_;
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_RULE_SET_H_
