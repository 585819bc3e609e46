// SPDX-License-Identifier: Apache-2.0
//
// File: tracing.h
//
// Traces calls and exports their spans to a collector: the tracer, the exporter and its events.
#ifndef EVALRUN_SERVICE_TRACING_TRACING_H_
#define EVALRUN_SERVICE_TRACING_TRACING_H_

#include <string>

#include "service/handler/call_trace.h"
#include "service/handler/random_source.h"
#include "service/observability/event_log.h"
#include "service/tracing/otlp_http_sender.h"
#include "service/tracing/span_exporter.h"
#include "service/tracing/tracer.h"

namespace evalrun::tracing {

class Tracing {
 public:
  // Starts immediately. `random`, which belongs to the thread of the calls, and `events` outlive
  // this object.
  Tracing(TracerOptions tracer, const OtlpHttpOptions& http, SpanExporterOptions exporter,
          handler::RandomSource* random, const observability::EventLog* events);

  // For the handler, which must not outlive this object.
  [[nodiscard]] handler::CallTracer* tracer() { return &tracer_; }
  [[nodiscard]] const SpanExporter& exporter() const { return exporter_; }

  // See SpanExporter. After the last call.
  [[nodiscard]] bool Close() { return exporter_.Close(); }

 private:
  void OnChange(const std::string& error) const;

  const std::string url_;
  const observability::EventLog& events_;
  SpanExporter exporter_;
  Tracer tracer_;
};

}  // namespace evalrun::tracing

#endif  // EVALRUN_SERVICE_TRACING_TRACING_H_
