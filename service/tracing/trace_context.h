// SPDX-License-Identifier: Apache-2.0
//
// File: trace_context.h
//
// A place in a trace, as W3C Trace Context's header `traceparent` names it. Pure.
#ifndef EVALRUN_SERVICE_TRACING_TRACE_CONTEXT_H_
#define EVALRUN_SERVICE_TRACING_TRACE_CONTEXT_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "service/handler/random_source.h"

namespace evalrun::tracing {

using TraceId = std::array<std::uint8_t, 16>;
using SpanId = std::array<std::uint8_t, 8>;

struct TraceContext {
  TraceId trace_id{};
  SpanId span_id{};
  std::uint8_t flags = 0;

  [[nodiscard]] bool is_sampled() const { return (flags & 1) != 0; }
};

// Whether its flag `sampled` is set, without parsing the rest. `traceparent` is well-formed
// (handler/caller_metadata.h).
[[nodiscard]] bool IsSampled(std::string_view traceparent);

// `traceparent` is well-formed.
[[nodiscard]] TraceContext ParseTraceparent(std::string_view traceparent);

// Version 00, with the flags `sampled` and `random`: others are not defined.
[[nodiscard]] std::string FormatTraceparent(const TraceContext& context);

// Never zero, which means "none".
[[nodiscard]] TraceId MakeTraceId(handler::RandomSource* random);
[[nodiscard]] SpanId MakeSpanId(handler::RandomSource* random);

}  // namespace evalrun::tracing

#endif  // EVALRUN_SERVICE_TRACING_TRACE_CONTEXT_H_
