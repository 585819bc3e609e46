#include "service/observability/limit_metrics.h"

#include <algorithm>

#include "service/observability/increment_to.h"

namespace evalrun::observability {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;

}  // namespace

LimitMetrics::LimitMetrics(prometheus::Registry* registry)
    : decisions_(BuildCounter()
                     .Name("gateway_limiter_decisions_total")
                     .Help("Calls by what a limit said to them.")
                     .Register(*registry)),
      keys_(BuildGauge()
                .Name("gateway_limiter_keys")
                .Help("Callers, workspaces and the like that are remembered, each once per rule.")
                .Register(*registry)
                .Add({})),
      evicted_(BuildCounter()
                   .Name("gateway_limiter_keys_evicted_total")
                   .Help("Idle keys that made room for others.")
                   .Register(*registry)
                   .Add({})),
      overflowed_(BuildCounter()
                      .Name("gateway_limiter_overflowed_total")
                      .Help("Times that there was no room for a key, and a shared one was used.")
                      .Register(*registry)
                      .Add({})) {}

void LimitMetrics::Update(const LimitSnapshot& snapshot) {
  const std::lock_guard lock(mutex_);
  for (const LimitSnapshot::Rule& rule : snapshot.rules) {
    const auto [found, is_new] = rules_.try_emplace(rule.name);
    Decisions& decisions = found->second;
    if (is_new) {
      const auto series = [&](const char* decision) {
        return &decisions_.Add({{"rule", rule.name}, {"decision", decision}});
      };
      decisions = {series("allowed"), series("denied"), series("shadow_denied")};
    }
    IncrementTo(decisions.allowed, rule.allowed);
    IncrementTo(decisions.denied, rule.denied);
    IncrementTo(decisions.shadow_denied, rule.shadow_denied);
  }
  std::erase_if(rules_, [&](const auto& known) {
    const auto& [name, decisions] = known;
    if (std::ranges::find(snapshot.rules, name, &LimitSnapshot::Rule::name) !=
        snapshot.rules.end()) {
      return false;
    }
    decisions_.Remove(decisions.allowed);
    decisions_.Remove(decisions.denied);
    decisions_.Remove(decisions.shadow_denied);
    return true;
  });
  keys_.Set(static_cast<double>(snapshot.keys));
  IncrementTo(&evicted_, snapshot.evicted);
  IncrementTo(&overflowed_, snapshot.overflowed);
}

}  // namespace evalrun::observability
