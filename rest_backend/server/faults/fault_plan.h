// SPDX-License-Identifier: Apache-2.0
//
// File: fault_plan.h
//
// Decides to which requests the rules of a fault script apply: matching, counting, and reproducible
// randomness. Pure: no clock, no random source, no socket. Not thread-safe.
#ifndef EVALRUN_REST_BACKEND_SERVER_FAULTS_FAULT_PLAN_H_
#define EVALRUN_REST_BACKEND_SERVER_FAULTS_FAULT_PLAN_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "rest_backend/server/faults/fault_script.h"

namespace evalrun::backend {

// The attributes of a request that a rule can match.
struct RequestAttributes {
  std::string method;
  std::string path;           // decoded, without the query
  std::string eval_run_uuid;  // canonical; empty if the path contains no run
};

// A pseudo-random number in [0, 1) that depends only on its arguments: FNV-1a over them, then
// MurmurHash3's finalizer. A rule of probability p applies to its `match`-th match (from 0) of a
// run if this number is below p. So the faults for one run do not depend on requests for other
// runs.
[[nodiscard]] double UniformHash(std::int64_t seed, std::string_view rule_name,
                                 std::string_view eval_run_uuid, std::int64_t match);

class FaultPlan {
 public:
  FaultPlan() = default;  // without rules
  explicit FaultPlan(FaultScript script);

  // Serializes the script and the counts for the next process. Resume() accepts only what State()
  // returned.
  [[nodiscard]] std::string State() const;
  [[nodiscard]] static FaultPlan Resume(std::string_view state);

  // Returns the fault of the first rule that matches and applies. Counts a match for this rule and
  // for every matching rule before it, which did not apply; later rules are not evaluated.
  [[nodiscard]] std::optional<Fault> Decide(const RequestAttributes& request);
  // Like Decide(), for a request that has not been read. Rules of kDropBeforeReading are evaluated
  // only here, and others never.
  [[nodiscard]] std::optional<Fault> DecideBeforeReading();

  // Whether the script says that this organization or workspace is missing. `uuid` is canonical.
  [[nodiscard]] bool IsMissing(std::string_view uuid) const {
    return script_.missing.contains(uuid);
  }

  // The script as written, with `matched` and `applied` added to each rule.
  [[nodiscard]] nlohmann::ordered_json StatusJson() const;

 private:
  struct Counts {
    std::int64_t matched = 0;
    std::int64_t applied = 0;
    // Matches of each run; only for rules with a probability below 1.
    std::map<std::string, std::int64_t, std::less<>> by_run;
  };

  [[nodiscard]] bool Applies(const FaultRule& rule, Counts& counts, std::string_view run) const;

  FaultScript script_;
  std::vector<Counts> counts_;  // one for each rule
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FAULTS_FAULT_PLAN_H_
