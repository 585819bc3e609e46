// SPDX-License-Identifier: Apache-2.0
//
// File: tracer.h
//
// Decides which calls are traced: those whose caller has sampled them, and a share of those without
// a trace.
#ifndef EVALRUN_SERVICE_TRACING_TRACER_H_
#define EVALRUN_SERVICE_TRACING_TRACER_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "service/handler/call_trace.h"
#include "service/handler/random_source.h"
#include "service/tracing/call_spans.h"
#include "service/tracing/span.h"

namespace evalrun::tracing {

struct TracerOptions {
  // How many of a million calls without a `traceparent` begin a trace. 0: none.
  std::uint32_t root_samples_per_million = 0;
  UpstreamAttributes upstream;
};

// Belongs to the thread of the calls.
class Tracer final : public handler::CallTracer {
 public:
  // They outlive it.
  Tracer(TracerOptions options, handler::RandomSource* random, SpanSink* sink)
      : options_(std::move(options)), random_(*random), sink_(*sink) {}

  // Does not allocate memory for a call that is not traced.
  std::unique_ptr<handler::CallTrace> Start(const Arrival& arrival) override;

 private:
  const TracerOptions options_;
  handler::RandomSource& random_;
  SpanSink& sink_;
};

}  // namespace evalrun::tracing

#endif  // EVALRUN_SERVICE_TRACING_TRACER_H_
