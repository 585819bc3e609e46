// SPDX-License-Identifier: Apache-2.0
//
// File: span.h
//
// A finished span, in OpenTelemetry's terms, as plain values.
#ifndef EVALRUN_SERVICE_TRACING_SPAN_H_
#define EVALRUN_SERVICE_TRACING_SPAN_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "service/tracing/trace_context.h"

namespace evalrun::tracing {

using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

struct Attribute {
  std::string_view key;  // a literal
  std::variant<std::string, std::int64_t, bool> value;

  bool operator==(const Attribute&) const = default;
};

struct SpanEvent {
  std::string_view name;  // a literal
  Time time;
  std::vector<Attribute> attributes;
};

struct Span {
  enum class Kind { kServer, kClient };

  TraceContext context;  // its own
  SpanId parent{};       // zero: none
  bool has_remote_parent = false;
  std::string tracestate;
  std::string_view name;  // a literal
  Kind kind = Kind::kServer;
  Time start;
  Time end;
  std::vector<Attribute> attributes;
  std::vector<SpanEvent> events;
  bool is_error = false;
  std::string error_message;
};

// Where the spans of a call go when it has ended.
class SpanSink {
 public:
  // Does not block.
  virtual void Export(std::vector<Span> spans) = 0;

 protected:
  ~SpanSink() = default;
};

}  // namespace evalrun::tracing

#endif  // EVALRUN_SERVICE_TRACING_SPAN_H_
