// SPDX-License-Identifier: Apache-2.0

#include "service/tracing/trace_context.h"

#include <cstddef>
#include <span>

namespace evalrun::tracing {
namespace {

// `00-<trace id>-<span id>-<flags>`
constexpr std::size_t kTraceIdStart = 3;
constexpr std::size_t kSpanIdStart = 36;
constexpr std::size_t kFlagsStart = 53;
constexpr std::uint8_t kKnownFlags = 0x03;

unsigned ParseDigit(char digit) {
  return static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

std::uint8_t ParseByte(std::string_view digits) {
  return static_cast<std::uint8_t>(ParseDigit(digits[0]) << 4 | ParseDigit(digits[1]));
}

void ParseBytes(std::string_view digits, std::span<std::uint8_t> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = ParseByte(digits.substr(2 * i, 2));
}

void AppendHex(std::span<const std::uint8_t> bytes, std::string* text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::uint8_t byte : bytes) {
    *text += kDigits[byte >> 4];
    *text += kDigits[byte & 0xF];
  }
}

void FillRandom(handler::RandomSource* random, std::span<std::uint8_t> bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    std::uint64_t bits = random->Bits();
    for (std::size_t j = i; j < i + 8; ++j, bits >>= 8) bytes[j] = static_cast<std::uint8_t>(bits);
  }
}

}  // namespace

bool IsSampled(std::string_view traceparent) {
  return (ParseByte(traceparent.substr(kFlagsStart, 2)) & 1) != 0;
}

TraceContext ParseTraceparent(std::string_view traceparent) {
  TraceContext context;
  ParseBytes(traceparent.substr(kTraceIdStart), context.trace_id);
  ParseBytes(traceparent.substr(kSpanIdStart), context.span_id);
  context.flags = ParseByte(traceparent.substr(kFlagsStart)) & kKnownFlags;
  return context;
}

std::string FormatTraceparent(const TraceContext& context) {
  std::string text = "00-";
  AppendHex(context.trace_id, &text);
  text += '-';
  AppendHex(context.span_id, &text);
  text += '-';
  const std::array flags = {static_cast<std::uint8_t>(context.flags & kKnownFlags)};
  AppendHex(flags, &text);
  return text;
}

TraceId MakeTraceId(handler::RandomSource* random) {
  TraceId id;
  FillRandom(random, id);
  if (id == TraceId{}) id.back() = 1;
  return id;
}

SpanId MakeSpanId(handler::RandomSource* random) {
  SpanId id;
  FillRandom(random, id);
  if (id == SpanId{}) id.back() = 1;
  return id;
}

}  // namespace evalrun::tracing
