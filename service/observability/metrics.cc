// SPDX-License-Identifier: Apache-2.0

#include "service/observability/metrics.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string_view>
#include <utility>

#include <prometheus/text_serializer.h>

#include "service/observability/call_failure.h"

namespace evalrun::observability {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildHistogram;
using prometheus::Labels;

const Labels& MethodLabels() {
  static const Labels labels = {{"grpc_type", "unary"},
                                {"grpc_service", "aymara.evals.v1.EvalRunService"},
                                {"grpc_method", "DeleteEvalRun"}};
  return labels;
}

// Labels for calls of methods that do not exist: names made up by callers must not become label
// values.
const Labels& UnknownMethodLabels() {
  static const Labels labels = {
      {"grpc_type", "unary"}, {"grpc_service", "unknown"}, {"grpc_method", "unknown"}};
  return labels;
}

Labels WithLabel(Labels labels, const std::string& name, std::string_view value) {
  labels.emplace(name, value);
  return labels;
}

const prometheus::Histogram::BucketBoundaries& LatencyBuckets() {
  static const prometheus::Histogram::BucketBoundaries buckets(kLatencyBounds.begin(),
                                                               kLatencyBounds.end());
  return buckets;
}

std::uint64_t Value(const prometheus::Counter& counter) {
  return static_cast<std::uint64_t>(counter.Value());
}

double ToSeconds(std::chrono::microseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

Metrics::Metrics()
    : received_(&BuildCounter()
                     .Name("grpc_server_msg_received_total")
                     .Help("Messages received by the server.")
                     .Register(registry_)
                     .Add(MethodLabels())),
      sent_(&BuildCounter()
                 .Name("grpc_server_msg_sent_total")
                 .Help("Messages sent by the server.")
                 .Register(registry_)
                 .Add(MethodLabels())),
      handling_seconds_(&BuildHistogram()
                             .Name("grpc_server_handling_seconds")
                             .Help("Time that the server took for an RPC.")
                             .Register(registry_)
                             .Add(MethodLabels(), LatencyBuckets())),
      suppressed_duplicates_(
          &BuildCounter()
               .Name("gateway_upstream_resends_stopped_total")
               .Help("Duplicate requests by the HTTP library that were suppressed.")
               .Register(registry_)
               .Add({})),
      unrecognized_404_(&BuildCounter()
                             .Name("gateway_upstream_unrecognized_404_total")
                             .Help("Calls that ended with a 404 that is not the API's own.")
                             .Register(registry_)
                             .Add({})),
      unauthorized_(&BuildCounter()
                         .Name("gateway_upstream_unauthorized_total")
                         .Help("Attempts with the response 401: the upstream rejected our API key.")
                         .Register(registry_)
                         .Add({})),
      forbidden_(&BuildCounter()
                      .Name("gateway_upstream_forbidden_total")
                      .Help("Attempts that the upstream answered with 403 or 451.")
                      .Register(registry_)
                      .Add({})),
      retries_(&BuildCounter()
                    .Name("gateway_retries_total")
                    .Help("Attempts after the first one of a call.")
                    .Register(registry_)
                    .Add({})),
      connections_reused_(&BuildCounter()
                               .Name("gateway_upstream_connections_reused_total")
                               .Help("Attempts that reused a pooled connection.")
                               .Register(registry_)
                               .Add({})),
      run_protected_(&BuildCounter()
                          .Name("gateway_protected_run_rejections_total")
                          .Help("Calls that were rejected because their run is protected.")
                          .Register(registry_)
                          .Add({})),
      audit_unavailable_(
          &BuildCounter()
               .Name("gateway_audit_rejections_total")
               .Help("Calls that were rejected because their audit line could not be written.")
               .Register(registry_)
               .Add({})) {
  auto& started = BuildCounter()
                      .Name("grpc_server_started_total")
                      .Help("RPCs started on the server.")
                      .Register(registry_);
  started_ = &started.Add(MethodLabels());
  unknown_started_ = &started.Add(UnknownMethodLabels());
  auto& handled = BuildCounter()
                      .Name("grpc_server_handled_total")
                      .Help("RPCs completed on the server, by status code.")
                      .Register(registry_);
  for (std::size_t i = 0; i < handled_.size(); ++i) {
    const auto code = static_cast<absl::StatusCode>(i);
    handled_[i] = &handled.Add(WithLabel(MethodLabels(), "grpc_code", StatusCodeLabel(code)));
  }
  auto& failed = BuildCounter()
                     .Name("gateway_failed_calls_total")
                     .Help("Completed calls that count against the availability objective.")
                     .Register(registry_);
  for (std::size_t i = 0; i < failed_.size(); ++i) {
    const auto code = static_cast<absl::StatusCode>(i);
    if (CanBeFailure(code)) {
      failed_[i] = &failed.Add(WithLabel({}, "grpc_code", StatusCodeLabel(code)));
    }
  }
  unknown_handled_ = &handled.Add(WithLabel(UnknownMethodLabels(), "grpc_code",
                                            StatusCodeLabel(absl::StatusCode::kUnimplemented)));
  auto& deletions = BuildCounter()
                        .Name("gateway_deletions_total")
                        .Help("Completed calls, by what is certain about the run.")
                        .Register(registry_);
  for (std::size_t i = 0; i < deletions_.size(); ++i) {
    const auto certainty = static_cast<deletion::Certainty>(i);
    deletions_[i] = &deletions.Add(WithLabel({}, "deletion", deletion::CertaintyName(certainty)));
  }
  auto& decisions = BuildCounter()
                        .Name("gateway_authorization_decisions_total")
                        .Help("Decisions of the authorization policy on calls.")
                        .Register(registry_);
  for (std::size_t i = 1; i < access_decisions_.size(); ++i) {
    const auto decision = static_cast<authz::AccessDecision>(i);
    access_decisions_[i] =
        &decisions.Add(WithLabel({}, "decision", authz::AccessDecisionName(decision)));
  }
  auto& retries_stopped =
      BuildCounter()
          .Name("gateway_retries_stopped_total")
          .Help("Calls that ended without a retry that might have helped, by what prevented it.")
          .Register(registry_);
  for (std::size_t i = 1; i < retries_stopped_.size(); ++i) {
    const auto stop = static_cast<deletion::RetryStop>(i);
    retries_stopped_[i] =
        &retries_stopped.Add(WithLabel({}, "cause", deletion::RetryStopName(stop)));
  }
  auto& rejected =
      BuildCounter()
          .Name("gateway_calls_shed_total")
          .Help("Calls that were rejected, with nothing sent, to protect the upstream, by cause.")
          .Register(registry_);
  for (std::size_t i = 0; i < rejected_.size(); ++i) {
    const auto reason = static_cast<deletion::RejectReason>(i);
    rejected_[i] = &rejected.Add(WithLabel({}, "cause", deletion::RejectReasonName(reason)));
  }
  auto& request_seconds = BuildHistogram()
                              .Name("http_client_request_duration_seconds")
                              .Help(
                                  "Time of one attempt, by the class of its status; `none` "
                                  "without a response.")
                              .Register(registry_);
  static constexpr std::array<std::string_view, kStatusClasses> kClasses = {"none", "1xx", "2xx",
                                                                            "3xx",  "4xx", "5xx"};
  for (std::size_t i = 0; i < kClasses.size(); ++i) {
    Labels labels =
        WithLabel({{"http_request_method", "DELETE"}}, "http_response_status_class", kClasses[i]);
    request_seconds_[i] = &request_seconds.Add(labels, LatencyBuckets());
  }
}

void Metrics::OnCallStarted() {
  started_->Increment();
  received_->Increment();
}

void Metrics::OnUnknownMethod() {
  unknown_started_->Increment();
  unknown_handled_->Increment();
}

void Metrics::OnCallCompleted(const CallRecord& record) {
  const auto code = static_cast<std::size_t>(record.code);
  constexpr auto kUnknown = static_cast<std::size_t>(absl::StatusCode::kUnknown);
  const auto index = code < handled_.size() ? code : kUnknown;
  handled_[index]->Increment();
  if (IsFailure(record)) failed_[index]->Increment();
  if (record.code == absl::StatusCode::kOk) sent_->Increment();
  handling_seconds_->Observe(ToSeconds(record.duration));
  deletions_[static_cast<std::size_t>(record.certainty)]->Increment();
  if (record.retry_stop != deletion::RetryStop::kNone) {
    retries_stopped_[static_cast<std::size_t>(record.retry_stop)]->Increment();
  }
  if (record.authorization != authz::AccessDecision::kNone) {
    access_decisions_[static_cast<std::size_t>(record.authorization)]->Increment();
  }
  if (IsUnrecognized404(record)) unrecognized_404_->Increment();
  if (record.run_protected) run_protected_->Increment();
  if (record.audit_unavailable) audit_unavailable_->Increment();
}

void Metrics::OnRetry() { retries_->Increment(); }

void Metrics::OnCallRejected(deletion::RejectReason reason) {
  rejected_[static_cast<std::size_t>(reason)]->Increment();
}

void Metrics::OnAttemptDone(const deletion::AttemptResult& result) {
  const int status = result.http_status;
  const bool known_class = status >= 100 && status < 600;
  request_seconds_[known_class ? static_cast<std::size_t>(status / 100) : 0]->Observe(
      ToSeconds(result.timing.total));
  if (status == 401) unauthorized_->Increment();
  if (status == 403 || status == 451) forbidden_->Increment();
  if (result.connection_reused) connections_reused_->Increment();
  if (result.duplicate_suppressed) suppressed_duplicates_->Increment();
}

CallTotals Metrics::Totals() const {
  CallTotals totals = {.retries = Value(*retries_)};
  const prometheus::ClientMetric::Histogram handling = handling_seconds_->Collect().histogram;
  totals.calls = handling.sample_count;
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < totals.latency.size(); ++i) {
    const std::uint64_t cumulative = handling.bucket.at(i).cumulative_count;
    totals.latency[i] = cumulative - std::exchange(below, cumulative);
  }
  for (const prometheus::Counter* failed : failed_) {
    if (failed != nullptr) totals.failed += Value(*failed);
  }
  for (const prometheus::Histogram* attempts : request_seconds_) {
    totals.attempts += attempts->Collect().histogram.sample_count;
  }
  return totals;
}

std::vector<prometheus::MetricFamily> Metrics::Collect() const {
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  for (const prometheus::Collectable* source : sources_) {
    std::ranges::move(source->Collect(), std::back_inserter(families));
  }
  return families;
}

std::string Metrics::Expose() const { return prometheus::TextSerializer().Serialize(Collect()); }

}  // namespace evalrun::observability
