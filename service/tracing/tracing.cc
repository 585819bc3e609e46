// SPDX-License-Identifier: Apache-2.0

#include "service/tracing/tracing.h"

#include <memory>
#include <utility>

namespace evalrun::tracing {

Tracing::Tracing(TracerOptions tracer, const OtlpHttpOptions& http, SpanExporterOptions exporter,
                 handler::RandomSource* random, const observability::EventLog* events)
    : url_(http.url),
      events_(*events),
      exporter_(std::move(exporter), std::make_unique<OtlpHttpSender>(http),
                [this](const std::string& error) { OnChange(error); }),
      tracer_(std::move(tracer), random, &exporter_) {}

// On the exporter's thread.
void Tracing::OnChange(const std::string& error) const {
  if (error.empty()) {
    events_.Write(spdlog::level::info, "trace_export_succeeded", {{"address", url_}});
  } else {
    events_.Write(spdlog::level::warn, "trace_export_failed",
                  {{"address", url_}, {"reason", error}});
  }
}

}  // namespace evalrun::tracing
