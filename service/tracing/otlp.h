// SPDX-License-Identifier: Apache-2.0
//
// File: otlp.h
//
// Spans as OTLP messages in protobuf's binary encoding. Pure.
#ifndef EVALRUN_SERVICE_TRACING_OTLP_H_
#define EVALRUN_SERVICE_TRACING_OTLP_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "service/tracing/span.h"

namespace evalrun::tracing {

// Who sends the spans.
struct Resource {
  std::string service_name;
  std::string service_version;
  std::string service_instance_id;
};

// An ExportTraceServiceRequest.
[[nodiscard]] std::string EncodeExportRequest(const Resource& resource,
                                              std::span<const Span> spans);

// Of an ExportTraceServiceResponse: how many spans of the request the collector has rejected.
// Empty: it is none.
[[nodiscard]] std::optional<std::int64_t> ParseRejectedSpans(std::string_view response);

}  // namespace evalrun::tracing

#endif  // EVALRUN_SERVICE_TRACING_OTLP_H_
