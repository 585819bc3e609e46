// SPDX-License-Identifier: Apache-2.0

#include "service/tracing/tracer.h"

#include <string>
#include <utility>

#include "service/handler/caller_metadata.h"

namespace evalrun::tracing {
namespace {

constexpr double kMillion = 1e6;
constexpr std::uint8_t kSampled = 1;

}  // namespace

std::unique_ptr<handler::CallTrace> Tracer::Start(const Arrival& arrival) {
  CallSpans::Start start{.steady_time = arrival.steady_time, .system_time = arrival.system_time};
  if (!arrival.traceparent.empty()) {
    // The service that began the trace has decided.
    if (!IsSampled(arrival.traceparent)) return nullptr;
    start.context = ParseTraceparent(arrival.traceparent);
    start.parent = start.context.span_id;
    std::string tracestate = arrival.metadata.Join("tracestate");
    if (handler::IsWellFormedTracestate(tracestate)) start.tracestate = std::move(tracestate);
  } else {
    if (options_.root_samples_per_million == 0 ||
        random_.Uniform() * kMillion >= options_.root_samples_per_million) {
      return nullptr;
    }
    start.context.trace_id = MakeTraceId(&random_);
    start.context.flags = kSampled;
  }
  start.context.span_id = MakeSpanId(&random_);
  return std::make_unique<CallSpans>(std::move(start), &options_.upstream, &random_, &sink_);
}

}  // namespace evalrun::tracing
