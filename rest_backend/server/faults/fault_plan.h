// File: fault_plan.h
//
// Which requests a fault script's rules apply to: matching, counting, and chance that comes out the
// same every time. Pure: no clock, no randomness, no socket. Not thread-safe.
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

// What a rule can see of a request.
struct RequestAttributes {
  std::string method;
  std::string path;           // decoded, without the query
  std::string eval_run_uuid;  // canonical; empty where the path names no run
};

// A number in [0, 1) that depends on nothing but its arguments: FNV-1a over them, then
// MurmurHash3's finalizer. A rule of probability p applies to its `match`-th match (from 0) of a
// run when this is below p. So the fate of a run's requests does not depend on what other runs'
// requests do meanwhile.
[[nodiscard]] double UniformHash(std::int64_t seed, std::string_view rule_name,
                                 std::string_view eval_run_uuid, std::int64_t match);

class FaultPlan {
 public:
  FaultPlan() = default;  // without rules
  explicit FaultPlan(FaultScript script);

  // Script and counts, for a process to come; Resume takes nothing but what State gave.
  [[nodiscard]] std::string State() const;
  [[nodiscard]] static FaultPlan Resume(std::string_view state);

  // The fault of the first rule that matches and applies. Counts a match for it and for every
  // matching rule before it, which did not apply; rules after it are not asked.
  [[nodiscard]] std::optional<Fault> Decide(const RequestAttributes& request);
  // The same for a request of which nothing has been read: only rules of kDropBeforeReading are
  // asked here, and only here.
  [[nodiscard]] std::optional<Fault> DecideBeforeReading();

  // Whether the script says that this organization or workspace is missing. `uuid` is canonical.
  [[nodiscard]] bool IsMissing(std::string_view uuid) const {
    return script_.missing.contains(uuid);
  }

  // The script as it was written, with `matched` and `applied` in each rule.
  [[nodiscard]] nlohmann::ordered_json StatusJson() const;

 private:
  struct Counts {
    std::int64_t matched = 0;
    std::int64_t applied = 0;
    // Matches of each run; kept only for rules that leave something to chance.
    std::map<std::string, std::int64_t, std::less<>> by_run;
  };

  [[nodiscard]] bool Applies(const FaultRule& rule, Counts& counts, std::string_view run) const;

  FaultScript script_;
  std::vector<Counts> counts_;  // one for each rule
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FAULTS_FAULT_PLAN_H_
