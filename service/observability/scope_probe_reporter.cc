// SPDX-License-Identifier: Apache-2.0

#include "service/observability/scope_probe_reporter.h"

namespace evalrun::observability {
namespace {

using deletion::ScopeStatus;

}  // namespace

ScopeProbeReporter::ScopeProbeReporter(prometheus::Registry* registry, const EventLog* events)
    : events_(*events) {
  auto& family = prometheus::BuildCounter()
                     .Name("gateway_scope_probes_total")
                     .Help("Probes whether the workspace of a 404 exists, by what they found.")
                     .Register(*registry);
  proven_ = &family.Add({{"result", "proven"}});
  missing_ = &family.Add({{"result", "missing"}});
  unverifiable_ = &family.Add({{"result", "unverifiable"}});
  forbidden_ = &family.Add({{"result", "forbidden"}});
}

void ScopeProbeReporter::OnProbeDone(const authz::UpstreamKey& api_key,
                                     const deletion::ProbeClassification& result, TimePoint now) {
  KeyState& state = keys_[api_key.name()];
  if (state.id != api_key.id()) {
    state.id = api_key.id();
    state.is_forbidden = false;
  }
  if (!result.is_forbidden) {
    switch (result.status) {
      case ScopeStatus::kProven:
        proven_->Increment();
        state.is_forbidden = false;
        break;
      case ScopeStatus::kMissing:
        missing_->Increment();
        state.is_forbidden = false;
        break;
      case ScopeStatus::kUnverifiable:
        unverifiable_->Increment();
        break;
    }
    return;
  }
  forbidden_->Increment();
  if (state.is_forbidden) return;
  // Not yet reported: a later probe does it, when an event is due.
  if (!throttle_.Admit(api_key.name(), now).has_value()) return;
  state.is_forbidden = true;
  events_.Write(spdlog::level::err, "absence_check_forbidden",
                {{"upstream_key", api_key.name()}, {"setting", "upstream.verify_absence"}});
}

}  // namespace evalrun::observability
