// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/faults/fault_plan.h"

#include <cstddef>
#include <utility>

namespace evalrun::backend {
namespace {

std::uint64_t Fnv1a(std::uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return hash;
}

// Includes the length, so that different sequences of parts never have the same bytes.
std::uint64_t AddPart(std::uint64_t hash, std::string_view part) {
  return Fnv1a(Fnv1a(hash, std::to_string(part.size()) + ":"), part);
}

// MurmurHash3's finalizer: without it, inputs that differ only at their end would give similar
// numbers.
std::uint64_t Finalize(std::uint64_t hash) {
  hash = (hash ^ (hash >> 33)) * 0xFF51AFD7ED558CCDULL;
  hash = (hash ^ (hash >> 33)) * 0xC4CEB9FE1A85EC53ULL;
  return hash ^ (hash >> 33);
}

bool Matches(const FaultRule& rule, const RequestAttributes& request) {
  const bool path = rule.path_is_prefix ? request.path.starts_with(rule.path)
                                        : rule.path.empty() || request.path == rule.path;
  return path && (rule.method.empty() || rule.method == request.method) &&
         (rule.eval_run_uuid.empty() || rule.eval_run_uuid == request.eval_run_uuid);
}

nlohmann::ordered_json ScriptToJson(const FaultScript& script) {
  nlohmann::ordered_json rules = nlohmann::ordered_json::array();
  for (const FaultRule& rule : script.rules) rules.emplace_back(rule.source);
  nlohmann::ordered_json json = {{"seed", script.seed}};
  if (!script.missing.empty()) json["missing"] = script.missing;
  json["rules"] = std::move(rules);
  return json;
}

}  // namespace

double UniformHash(std::int64_t seed, std::string_view rule_name, std::string_view eval_run_uuid,
                   std::int64_t match) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  hash = AddPart(hash, std::to_string(seed));
  hash = AddPart(hash, rule_name);
  hash = AddPart(hash, eval_run_uuid);
  hash = AddPart(hash, std::to_string(match));
  constexpr int kMantissaBits = 53;
  return static_cast<double>(Finalize(hash) >> (64 - kMantissaBits)) /
         static_cast<double>(1ULL << kMantissaBits);
}

FaultPlan::FaultPlan(FaultScript script)
    : script_(std::move(script)), counts_(script_.rules.size()) {}

FaultPlan FaultPlan::Resume(std::string_view state) {
  const nlohmann::json json = nlohmann::json::parse(state);
  FaultPlan plan(ParseFaultScript(json.at("script").dump()).value());
  for (std::size_t i = 0; i < plan.counts_.size(); ++i) {
    const nlohmann::json& counts = json.at("counts").at(i);
    plan.counts_[i].matched = counts.at("matched");
    plan.counts_[i].applied = counts.at("applied");
    for (const auto& [run, matches] : counts.at("by_run").items()) {
      plan.counts_[i].by_run[run] = matches;
    }
  }
  return plan;
}

std::string FaultPlan::State() const {
  nlohmann::json counts = nlohmann::json::array();
  for (const Counts& of_rule : counts_) {
    nlohmann::json by_run = nlohmann::json::object();
    for (const auto& [run, matches] : of_rule.by_run) by_run[run] = matches;
    counts.push_back({{"matched", of_rule.matched},
                      {"applied", of_rule.applied},
                      {"by_run", std::move(by_run)}});
  }
  return nlohmann::json{{"script", ScriptToJson(script_)}, {"counts", std::move(counts)}}.dump();
}

std::optional<Fault> FaultPlan::Decide(const RequestAttributes& request) {
  for (std::size_t i = 0; i < script_.rules.size(); ++i) {
    const FaultRule& rule = script_.rules[i];
    if (rule.fault.kind != FaultKind::kDropBeforeReading && Matches(rule, request) &&
        Applies(rule, counts_[i], request.eval_run_uuid)) {
      return rule.fault;
    }
  }
  return std::nullopt;
}

std::optional<Fault> FaultPlan::DecideBeforeReading() {
  for (std::size_t i = 0; i < script_.rules.size(); ++i) {
    const FaultRule& rule = script_.rules[i];
    if (rule.fault.kind == FaultKind::kDropBeforeReading && Applies(rule, counts_[i], "")) {
      return rule.fault;
    }
  }
  return std::nullopt;
}

bool FaultPlan::Applies(const FaultRule& rule, Counts& counts, std::string_view run) const {
  const std::int64_t match = counts.matched++;
  const bool by_chance = rule.probability > 0 && rule.probability < 1;
  bool applies = rule.probability > 0;
  if (by_chance) {
    auto of_run = counts.by_run.find(run);
    if (of_run == counts.by_run.end()) of_run = counts.by_run.emplace(std::string(run), 0).first;
    applies = UniformHash(script_.seed, rule.name, run, of_run->second++) < rule.probability;
  }
  if (match < rule.skip || (rule.count && counts.applied >= *rule.count)) applies = false;
  if (applies) ++counts.applied;
  return applies;
}

nlohmann::ordered_json FaultPlan::StatusJson() const {
  nlohmann::ordered_json report = ScriptToJson(script_);
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    report["rules"][i]["matched"] = counts_[i].matched;
    report["rules"][i]["applied"] = counts_[i].applied;
  }
  return report;
}

}  // namespace evalrun::backend
