// SPDX-License-Identifier: Apache-2.0

#include "service/tracing/otlp.h"

#include <algorithm>
#include <cstddef>
#include <variant>

#include "opentelemetry/proto/collector/trace/v1/trace_service.pb.h"
#include "service/tracing/attribute_text.h"

namespace evalrun::tracing {
namespace {

namespace common = ::opentelemetry::proto::common::v1;
namespace collector = ::opentelemetry::proto::collector::trace::v1;
namespace trace = ::opentelemetry::proto::trace::v1;

// The version of the semantic conventions.
constexpr char kSchemaUrl[] = "https://opentelemetry.io/schemas/1.45.0";
constexpr char kScopeName[] = "evalrun-gateway";

template <std::size_t kSize>
std::string ToBytes(const std::array<std::uint8_t, kSize>& id) {
  return {id.begin(), id.end()};
}

std::uint64_t ToUnixNanoseconds(Time time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

struct ValueSetter {
  common::AnyValue* out;
  void operator()(const std::string& value) const { out->set_string_value(value); }
  void operator()(std::int64_t value) const { out->set_int_value(value); }
  void operator()(bool value) const { out->set_bool_value(value); }
};

template <typename Message>
void AddAttributes(const std::vector<Attribute>& attributes, Message* message) {
  for (const Attribute& attribute : attributes) {
    common::KeyValue* added = message->add_attributes();
    added->set_key(std::string(attribute.key));
    std::visit(ValueSetter{added->mutable_value()}, attribute.value);
  }
}

// Lower 8 bits: W3C's. Bit 8: whether bit 9, a remote parent, is known.
std::uint32_t ToFlags(const Span& span) {
  std::uint32_t flags = span.context.flags | trace::SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK;
  if (span.has_remote_parent) flags |= trace::SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK;
  return flags;
}

void AddSpan(const Span& span, trace::ScopeSpans* scope_spans) {
  trace::Span* added = scope_spans->add_spans();
  added->set_trace_id(ToBytes(span.context.trace_id));
  added->set_span_id(ToBytes(span.context.span_id));
  if (span.parent != SpanId{}) added->set_parent_span_id(ToBytes(span.parent));
  added->set_flags(ToFlags(span));
  added->set_trace_state(span.tracestate);
  added->set_name(std::string(span.name));
  added->set_kind(span.kind == Span::Kind::kServer ? trace::Span::SPAN_KIND_SERVER
                                                   : trace::Span::SPAN_KIND_CLIENT);
  added->set_start_time_unix_nano(ToUnixNanoseconds(span.start));
  added->set_end_time_unix_nano(ToUnixNanoseconds(span.end));
  AddAttributes(span.attributes, added);
  for (const SpanEvent& event : span.events) {
    trace::Span::Event* added_event = added->add_events();
    added_event->set_name(std::string(event.name));
    added_event->set_time_unix_nano(ToUnixNanoseconds(event.time));
    AddAttributes(event.attributes, added_event);
  }
  if (!span.is_error) return;
  added->mutable_status()->set_code(trace::Status::STATUS_CODE_ERROR);
  added->mutable_status()->set_message(span.error_message);
}

}  // namespace

std::string EncodeExportRequest(const Resource& resource, std::span<const Span> spans) {
  collector::ExportTraceServiceRequest request;
  trace::ResourceSpans* resource_spans = request.add_resource_spans();
  resource_spans->set_schema_url(kSchemaUrl);
  AddAttributes({{"service.name", ToAttributeText(resource.service_name)},
                 {"service.version", ToAttributeText(resource.service_version)},
                 {"service.instance.id", ToAttributeText(resource.service_instance_id)}},
                resource_spans->mutable_resource());
  trace::ScopeSpans* scope_spans = resource_spans->add_scope_spans();
  scope_spans->set_schema_url(kSchemaUrl);
  scope_spans->mutable_scope()->set_name(kScopeName);
  scope_spans->mutable_scope()->set_version(resource.service_version);
  for (const Span& span : spans) AddSpan(span, scope_spans);
  return request.SerializeAsString();
}

std::optional<std::int64_t> ParseRejectedSpans(std::string_view response) {
  collector::ExportTraceServiceResponse parsed;
  if (!parsed.ParseFromArray(response.data(), static_cast<int>(response.size()))) {
    return std::nullopt;
  }
  return std::max<std::int64_t>(0, parsed.partial_success().rejected_spans());
}

}  // namespace evalrun::tracing
