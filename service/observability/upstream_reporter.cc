// SPDX-License-Identifier: Apache-2.0

#include "service/observability/upstream_reporter.h"

#include <functional>

#include <prometheus/gauge.h>

#include "rest_backend/deletion/attempt_classification.h"

namespace evalrun::observability {
namespace {

using deletion::Fault;

// Not those that say little about the upstream: a caller's short deadline, a connection of the pool
// that was lost.
bool IsUnreachable(Fault fault) {
  switch (fault) {
    case Fault::kResolve:
    case Fault::kConnect:
    case Fault::kProxyRefused:
    case Fault::kTls:
    case Fault::kProtocol:
    case Fault::kInternal:
      return true;
    case Fault::kNone:
    case Fault::kTimeout:
    case Fault::kConnectionLost:
    case Fault::kTooLarge:
      break;
  }
  return false;
}

}  // namespace

UpstreamReporter::UpstreamReporter(prometheus::Registry* registry, const EventLog* events)
    : events_(*events),
      name_resolved_(
          prometheus::BuildGauge()
              .Name("gateway_upstream_name_resolved")
              .Help("0 while lookups of the name of the upstream, or of its proxy, fail.")
              .Register(*registry)
              .Add({}, 1)) {}

UpstreamReporter::Cause* UpstreamReporter::FindCause(std::string_view text, TimePoint now) {
  const auto found = causes_.find(text);
  if (found != causes_.end()) return &found->second;
  if (causes_.size() >= kMaxCauses) {
    std::erase_if(causes_, [now](const auto& cause) {
      return now - cause.second.reported_at >= kMinEventInterval;
    });
  }
  if (causes_.size() >= kMaxCauses) return nullptr;
  return &causes_.emplace(text, Cause{.reported_at = now - kMinEventInterval}).first->second;
}

void UpstreamReporter::OnAttemptDone(const deletion::AttemptResult& result, TimePoint now) {
  if (result.fault == Fault::kNone) {
    if (!is_unreachable_) return;
    is_unreachable_ = false;
    for (auto& [text, cause] : causes_) cause.is_known = false;
    events_.Write(spdlog::level::info, "upstream_reachable");
    return;
  }
  if (!IsUnreachable(result.fault)) return;
  Cause* cause = FindCause(result.fault_text, now);
  if (cause == nullptr || cause->is_known || now - cause->reported_at < kMinEventInterval) return;
  *cause = {.reported_at = now, .is_known = true};
  is_unreachable_ = true;
  const deletion::AttemptClassification classification =
      deletion::ClassifyFault(result.fault, result.may_have_been_sent, result.proxy_status);
  events_.Write(spdlog::level::warn, "upstream_unreachable",
                {{"what", classification.reason},
                 {"address", result.fault_address},
                 {"reason", result.fault_text}});
}

void UpstreamReporter::OnLookup(std::string_view name, std::string_view error,
                                std::size_t known_addresses, TimePoint now) {
  name_resolved_.Set(error.empty() ? 1 : 0);
  if (error == lookup_error_) return;
  if (error.empty()) {
    lookup_error_.clear();
    events_.Write(spdlog::level::info, "upstream_lookup_succeeded", {{"name", name}});
    return;
  }
  const bool began_to_fail = lookup_error_.empty();
  if (!began_to_fail && now - lookup_error_reported_at_ < kMinEventInterval) return;
  lookup_error_ = error;
  lookup_error_reported_at_ = now;
  events_.Write(
      spdlog::level::warn, "upstream_lookup_failed",
      {{"name", name}, {"known_addresses", std::to_string(known_addresses)}, {"reason", error}});
}

}  // namespace evalrun::observability
