// SPDX-License-Identifier: Apache-2.0

#include "service/tracing/otlp.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "opentelemetry/proto/collector/trace/v1/trace_service.pb.h"

namespace evalrun::tracing {
namespace {

using ::opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
using ::opentelemetry::proto::collector::trace::v1::ExportTraceServiceResponse;
using OtlpSpan = ::opentelemetry::proto::trace::v1::Span;
using ::testing::ElementsAre;
using ::testing::Pair;

template <typename Message>
std::map<std::string, std::string> GetTexts(const Message& message) {
  std::map<std::string, std::string> texts;
  for (const auto& attribute : message.attributes()) {
    texts.emplace(attribute.key(), attribute.value().string_value());
  }
  return texts;
}

Span MakeSpan() {
  Span span;
  span.context.trace_id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  span.context.span_id = {1, 2, 3, 4, 5, 6, 7, 8};
  span.context.flags = 1;
  span.name = "a name";
  span.start = Time(std::chrono::nanoseconds(5));
  span.end = Time(std::chrono::nanoseconds(7));
  return span;
}

ExportTraceServiceRequest Encode(const Span& span) {
  ExportTraceServiceRequest request;
  EXPECT_TRUE(request.ParseFromString(EncodeExportRequest(
      {.service_name = "n\xFF", .service_version = "1.2", .service_instance_id = "i"},
      std::array{span})));
  EXPECT_EQ(request.resource_spans_size(), 1);
  EXPECT_EQ(request.resource_spans(0).scope_spans_size(), 1);
  EXPECT_EQ(request.resource_spans(0).scope_spans(0).spans_size(), 1);
  return request;
}

OtlpSpan EncodeSpan(const Span& span) {
  return Encode(span).resource_spans(0).scope_spans(0).spans(0);
}

TEST(OtlpTest, NamesResourceAndScope) {
  const ExportTraceServiceRequest request = Encode(MakeSpan());
  const auto& resource_spans = request.resource_spans(0);
  EXPECT_THAT(GetTexts(resource_spans.resource()),
              ElementsAre(Pair("service.instance.id", "i"), Pair("service.name", "n\xEF\xBF\xBD"),
                          Pair("service.version", "1.2")));
  EXPECT_EQ(resource_spans.schema_url(), "https://opentelemetry.io/schemas/1.45.0");
  EXPECT_EQ(resource_spans.scope_spans(0).scope().name(), "evalrun-gateway");
}

TEST(OtlpTest, EncodesAServerSpanWithoutParent) {
  const OtlpSpan span = EncodeSpan(MakeSpan());
  EXPECT_THAT(span.trace_id(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16));
  EXPECT_THAT(span.span_id(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_EQ(span.parent_span_id(), "");
  EXPECT_EQ(span.flags(), 0x101U) << "sampled; known not to have a remote parent";
  EXPECT_EQ(span.name(), "a name");
  EXPECT_EQ(span.kind(), OtlpSpan::SPAN_KIND_SERVER);
  EXPECT_EQ(span.start_time_unix_nano(), 5U);
  EXPECT_EQ(span.end_time_unix_nano(), 7U);
  EXPECT_FALSE(span.has_status());
}

TEST(OtlpTest, EncodesParentStatusAttributesAndEvents) {
  Span made = MakeSpan();
  made.kind = Span::Kind::kClient;
  made.parent = {8, 7, 6, 5, 4, 3, 2, 1};
  made.has_remote_parent = true;
  made.tracestate = "a=1";
  made.is_error = true;
  made.error_message = "why";
  made.attributes = {{"text", std::string("t")}, {"number", std::int64_t{-4}}, {"flag", true}};
  made.events = {{"an event", Time(std::chrono::nanoseconds(6)), {{"wait", std::int64_t{3}}}}};
  const OtlpSpan span = EncodeSpan(made);
  EXPECT_THAT(span.parent_span_id(), ElementsAre(8, 7, 6, 5, 4, 3, 2, 1));
  EXPECT_EQ(span.flags(), 0x301U);
  EXPECT_EQ(span.trace_state(), "a=1");
  EXPECT_EQ(span.kind(), OtlpSpan::SPAN_KIND_CLIENT);
  EXPECT_EQ(span.status().code(), ::opentelemetry::proto::trace::v1::Status::STATUS_CODE_ERROR);
  EXPECT_EQ(span.status().message(), "why");
  ASSERT_EQ(span.attributes_size(), 3);
  EXPECT_EQ(span.attributes(0).value().string_value(), "t");
  EXPECT_EQ(span.attributes(1).value().int_value(), -4);
  EXPECT_TRUE(span.attributes(2).value().bool_value());
  ASSERT_EQ(span.events_size(), 1);
  EXPECT_EQ(span.events(0).name(), "an event");
  EXPECT_EQ(span.events(0).time_unix_nano(), 6U);
  EXPECT_EQ(span.events(0).attributes(0).value().int_value(), 3);
}

TEST(OtlpTest, ReadsHowManySpansWereRejected) {
  ExportTraceServiceResponse response;
  EXPECT_EQ(ParseRejectedSpans(response.SerializeAsString()), 0);
  response.mutable_partial_success()->set_rejected_spans(3);
  EXPECT_EQ(ParseRejectedSpans(response.SerializeAsString()), 3);
  response.mutable_partial_success()->set_rejected_spans(-3);
  EXPECT_EQ(ParseRejectedSpans(response.SerializeAsString()), 0);
  EXPECT_EQ(ParseRejectedSpans("<html>"), std::nullopt);
}

}  // namespace
}  // namespace evalrun::tracing
