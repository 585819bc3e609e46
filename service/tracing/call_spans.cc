// SPDX-License-Identifier: Apache-2.0

#include "service/tracing/call_spans.h"

#include <utility>

#include "service/authz/peer_address.h"
#include "service/observability/status_code_name.h"
#include "service/tracing/attribute_text.h"

namespace evalrun::tracing {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kRpcMethod = "aymara.evals.v1.EvalRunService/DeleteEvalRun";

Attribute Text(std::string_view key, std::string_view value) {
  return {key, ToAttributeText(value)};
}

void AddText(std::string_view key, std::string_view value, std::vector<Attribute>* attributes) {
  if (!value.empty()) attributes->push_back(Text(key, value));
}

Attribute Wait(milliseconds wait) {
  return {"evalrun.wait_ms", static_cast<std::int64_t>(wait.count())};
}

std::string_view ScopeStatusName(deletion::ScopeStatus status) {
  switch (status) {
    case deletion::ScopeStatus::kProven:
      return "proven";
    case deletion::ScopeStatus::kMissing:
      return "missing";
    case deletion::ScopeStatus::kUnverifiable:
      break;
  }
  return "unverifiable";
}

// The codes that the conventions of gRPC consider errors of a server.
bool IsServerError(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDataLoss:
      return true;
    default:
      return false;
  }
}

void SetError(std::string_view type, Span* span) {
  span->is_error = true;
  span->attributes.push_back(Text("error.type", type));
}

Span MakeCallSpan(CallSpans::Start start) {
  Span span;
  span.context = start.context;
  span.parent = start.parent;
  span.has_remote_parent = start.parent != SpanId{};
  span.tracestate = std::move(start.tracestate);
  span.name = kRpcMethod;
  span.kind = Span::Kind::kServer;
  span.start = start.system_time;
  return span;
}

}  // namespace

CallSpans::CallSpans(Start start, const UpstreamAttributes* upstream, handler::RandomSource* random,
                     SpanSink* sink)
    : steady_start_(start.steady_time),
      upstream_(*upstream),
      random_(*random),
      sink_(*sink),
      traceparent_(FormatTraceparent(start.context)),
      call_(MakeCallSpan(std::move(start))) {}

// By the steady clock, so that no span is negative when the machine's time is set.
Time CallSpans::ToTime(TimePoint now) const { return call_.start + (now - steady_start_); }

void CallSpans::AddEvent(TimePoint now, std::string_view name, std::vector<Attribute> attributes) {
  call_.events.push_back({name, ToTime(now), std::move(attributes)});
}

void CallSpans::OnRateLimited(TimePoint now, std::string_view rule) {
  AddEvent(now, "evalrun.rate_limit.denied", {Text("evalrun.limit", rule)});
}

void CallSpans::OnShadowLimited(TimePoint now, std::string_view rules) {
  AddEvent(now, "evalrun.rate_limit.shadow_denied", {Text("evalrun.limit", rules)});
}

void CallSpans::OnRetryRateLimited(TimePoint now, milliseconds wait) {
  AddEvent(now, "evalrun.rate_limit.retry_denied", {Wait(wait)});
}

void CallSpans::OnInFlightCap(TimePoint now) { AddEvent(now, "evalrun.in_flight_cap", {}); }

void CallSpans::OnHeldBack(TimePoint now, milliseconds wait) {
  AddEvent(now, "evalrun.hold_back", {Wait(wait)});
}

void CallSpans::OnBackoff(TimePoint now, milliseconds wait) {
  AddEvent(now, "evalrun.backoff", {Wait(wait)});
}

void CallSpans::OnScopeProbeAwaited(TimePoint now) {
  AddEvent(now, "evalrun.scope_probe.awaited", {});
}

void CallSpans::OnScopeChecked(TimePoint now, deletion::ScopeStatus status, bool probed) {
  AddEvent(now, "evalrun.scope_checked",
           {Text("evalrun.scope", ScopeStatusName(status)), {"evalrun.scope.probed", probed}});
}

std::string_view CallSpans::OnAttemptStarted(TimePoint now, std::string_view target, int retries) {
  Span& span = attempt_.emplace();
  span.context = {.trace_id = call_.context.trace_id,
                  .span_id = MakeSpanId(&random_),
                  .flags = call_.context.flags};
  span.parent = call_.context.span_id;
  span.tracestate = call_.tracestate;
  span.name = "DELETE";
  span.kind = Span::Kind::kClient;
  span.start = ToTime(now);
  // Of ids and our own words: well-formed, and without secrets.
  span.attributes = {{"http.request.method", std::string("DELETE")},
                     {"server.address", upstream_.address},
                     {"server.port", upstream_.port},
                     {"url.full", std::string(upstream_.origin).append(target)}};
  if (retries > 0) {
    span.attributes.push_back({"http.request.resend_count", static_cast<std::int64_t>(retries)});
  }
  attempt_traceparent_ = FormatTraceparent(span.context);
  return attempt_traceparent_;
}

void CallSpans::OnAttemptDone(TimePoint now, const deletion::AttemptResult& result,
                              const deletion::AttemptClassification& classification) {
  if (!attempt_.has_value()) return;
  std::vector<Attribute>& attributes = attempt_->attributes;
  attributes.push_back({"evalrun.connection_reused", result.connection_reused});
  if (result.fault == deletion::Fault::kNone) {
    attributes.push_back(
        {"http.response.status_code", static_cast<std::int64_t>(result.http_status)});
    attributes.push_back({"network.protocol.version", std::string("1.1")});
    if (result.http_status >= 400) SetError(std::to_string(result.http_status), &*attempt_);
  } else {
    attributes.push_back({"evalrun.may_have_been_sent", result.may_have_been_sent});
    SetError(classification.reason, &*attempt_);
  }
  EndAttempt(now);
}

void CallSpans::OnAttemptAborted(TimePoint now, absl::StatusCode code, std::string_view reason,
                                 bool may_have_been_sent) {
  if (!attempt_.has_value()) return;
  attempt_->attributes.push_back({"evalrun.may_have_been_sent", may_have_been_sent});
  // By the conventions of HTTP a cancellation is no error.
  if (code != absl::StatusCode::kCancelled) SetError(reason, &*attempt_);
  EndAttempt(now);
}

void CallSpans::EndAttempt(TimePoint now) {
  attempt_->end = ToTime(now);
  finished_.push_back(*std::move(attempt_));
  attempt_.reset();
}

void CallSpans::OnCallCompleted(TimePoint now, const observability::CallRecord& record) {
  const std::string_view code = observability::StatusCodeName(record.code);
  std::vector<Attribute>& attributes = call_.attributes;
  attributes = {{"rpc.system.name", std::string("grpc")},
                Text("rpc.method", kRpcMethod),
                Text("rpc.status_code", code)};
  const authz::PeerAddress peer = authz::ParsePeerAddress(record.peer);
  AddText("network.peer.address", peer.address, &attributes);
  if (peer.port != 0) {
    attributes.push_back({"network.peer.port", static_cast<std::int64_t>(peer.port)});
  }
  AddText("evalrun.request_id", record.request_id, &attributes);
  AddText("evalrun.caller", record.caller, &attributes);
  AddText("evalrun.eval_run_uuid", record.eval_run_uuid, &attributes);
  AddText("evalrun.workspace_uuid", record.workspace_uuid, &attributes);
  AddText("evalrun.upstream_key", record.upstream_key, &attributes);
  attributes.push_back({"evalrun.attempts", static_cast<std::int64_t>(record.attempts)});
  attributes.push_back(Text("evalrun.deletion", deletion::CertaintyName(record.certainty)));
  AddText("evalrun.reason", record.reason, &attributes);
  AddText("evalrun.retry_stopped", deletion::RetryStopName(record.retry_stop), &attributes);
  if (IsServerError(record.code)) {
    SetError(code, &call_);
    call_.error_message = ToAttributeText(record.reason);
  }
  call_.end = ToTime(now);
  finished_.insert(finished_.begin(), std::move(call_));
  sink_.Export(std::move(finished_));
}

}  // namespace evalrun::tracing
