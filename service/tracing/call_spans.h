// SPDX-License-Identifier: Apache-2.0
//
// File: call_spans.h
//
// The spans of one call, by OpenTelemetry's semantic conventions 1.45: a SERVER span for the call,
// a CLIENT span for each attempt, and events of the SERVER span for what happens between attempts.
// README.md lists names and attributes. Pure: no clock and no socket.
#ifndef EVALRUN_SERVICE_TRACING_CALL_SPANS_H_
#define EVALRUN_SERVICE_TRACING_CALL_SPANS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/handler/call_trace.h"
#include "service/handler/random_source.h"
#include "service/tracing/span.h"
#include "service/tracing/trace_context.h"

namespace evalrun::tracing {

// What the attempts of all calls have in common.
struct UpstreamAttributes {
  std::string origin;   // such as `https://api.aymara.ai`
  std::string address;  // its host
  std::int64_t port = 0;
};

// Not thread-safe.
class CallSpans final : public handler::CallTrace {
 public:
  struct Start {
    TraceContext context = {};    // of the call's span
    SpanId parent = {};           // the caller's span; zero: none
    std::string tracestate = {};  // of the caller
    std::chrono::steady_clock::time_point steady_time = {};
    std::chrono::system_clock::time_point system_time = {};
  };

  // They outlive it. Gives its spans to `sink` when the call has completed.
  CallSpans(Start start, const UpstreamAttributes* upstream, handler::RandomSource* random,
            SpanSink* sink);

  [[nodiscard]] std::string_view traceparent() const override { return traceparent_; }
  void OnRateLimited(TimePoint now, std::string_view rule) override;
  void OnShadowLimited(TimePoint now, std::string_view rules) override;
  void OnRetryRateLimited(TimePoint now, std::chrono::milliseconds wait) override;
  void OnInFlightCap(TimePoint now) override;
  void OnHeldBack(TimePoint now, std::chrono::milliseconds wait) override;
  void OnBackoff(TimePoint now, std::chrono::milliseconds wait) override;
  void OnScopeProbeAwaited(TimePoint now) override;
  void OnScopeChecked(TimePoint now, deletion::ScopeStatus status, bool probed) override;
  std::string_view OnAttemptStarted(TimePoint now, std::string_view target, int retries) override;
  void OnAttemptDone(TimePoint now, const deletion::AttemptResult& result,
                     const deletion::AttemptClassification& classification) override;
  void OnAttemptAborted(TimePoint now, absl::StatusCode code, std::string_view reason,
                        bool may_have_been_sent) override;
  void OnCallCompleted(TimePoint now, const observability::CallRecord& record) override;

 private:
  [[nodiscard]] Time ToTime(TimePoint now) const;
  void AddEvent(TimePoint now, std::string_view name, std::vector<Attribute> attributes);
  void EndAttempt(TimePoint now);

  const std::chrono::steady_clock::time_point steady_start_;
  const UpstreamAttributes& upstream_;
  handler::RandomSource& random_;
  SpanSink& sink_;
  const std::string traceparent_;
  Span call_;
  std::optional<Span> attempt_;  // under way
  std::string attempt_traceparent_;
  std::vector<Span> finished_;
};

}  // namespace evalrun::tracing

#endif  // EVALRUN_SERVICE_TRACING_CALL_SPANS_H_
