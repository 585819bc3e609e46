// SPDX-License-Identifier: Apache-2.0
//
// File: call_reporter.h
//
// What the handler reports about calls, to the metrics, the lists of the page, the events, the
// access log and the audit log.
#ifndef EVALRUN_SERVICE_CALL_REPORTER_H_
#define EVALRUN_SERVICE_CALL_REPORTER_H_

#include <chrono>
#include <cstddef>
#include <string_view>

#include "rest_backend/deletion/admission_controller.h"
#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/deletion/scope_proof.h"
#include "service/authz/key_ring.h"
#include "service/handler/call_observer.h"
#include "service/observability/access_log.h"
#include "service/observability/audit_log.h"
#include "service/observability/call_record.h"
#include "service/observability/metrics.h"
#include "service/observability/scope_probe_reporter.h"
#include "service/observability/slowest_calls.h"
#include "service/observability/top_callers.h"
#include "service/observability/upstream_reporter.h"

namespace evalrun::service {

// Belongs to the thread of the calls.
class CallReporter final : public handler::CallObserver {
 public:
  // They outlive it.
  CallReporter(observability::Metrics* metrics, observability::TopCallers* top_callers,
               observability::SlowestCalls* slowest_calls, const observability::EventLog* events,
               observability::AccessLog* access_log, observability::AuditLog* audit_log)
      : metrics_(*metrics),
        top_callers_(*top_callers),
        slowest_calls_(*slowest_calls),
        scope_probes_(metrics->registry(), events),
        upstream_(metrics->registry(), events),
        access_log_(*access_log),
        audit_log_(*audit_log) {}

  // Of the name of the upstream or of its proxy.
  void OnLookup(std::string_view name, std::string_view error, std::size_t known_addresses) {
    upstream_.OnLookup(name, error, known_addresses, std::chrono::steady_clock::now());
  }

  void OnCallStarted() override { metrics_.OnCallStarted(); }
  void OnCallRejected(deletion::RejectReason reason) override { metrics_.OnCallRejected(reason); }
  void OnRetry() override { metrics_.OnRetry(); }
  void OnAttemptDone(const deletion::AttemptResult& result) override {
    metrics_.OnAttemptDone(result);
    upstream_.OnAttemptDone(result, std::chrono::steady_clock::now());
  }
  void OnScopeProbed(const authz::UpstreamKey& api_key,
                     const deletion::ProbeClassification& result) override {
    scope_probes_.OnProbeDone(api_key, result, std::chrono::steady_clock::now());
  }
  void OnCallCompleted(const observability::CallRecord& record,
                       std::chrono::system_clock::time_point now) override {
    metrics_.OnCallCompleted(record);
    const auto steady_now = std::chrono::steady_clock::now();
    top_callers_.OnCallCompleted(record, steady_now);
    slowest_calls_.OnCallCompleted(record, steady_now, now);
    access_log_.Write(record, now);
    audit_log_.Write(record, now);
  }

 private:
  observability::Metrics& metrics_;
  observability::TopCallers& top_callers_;
  observability::SlowestCalls& slowest_calls_;
  observability::ScopeProbeReporter scope_probes_;
  observability::UpstreamReporter upstream_;
  observability::AccessLog& access_log_;
  observability::AuditLog& audit_log_;
};

}  // namespace evalrun::service

#endif  // EVALRUN_SERVICE_CALL_REPORTER_H_
