// SPDX-License-Identifier: Apache-2.0
//
// A caller's metadata, which is forwarded upstream as header lines: no value can end its line, and
// malformed values are not accepted.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "service/handler/caller_metadata.h"
#include "tests/fuzz/property.h"

namespace evalrun::fuzz {
namespace {

bool IsPrintable(std::string_view value) {
  return std::ranges::all_of(value, [](char c) { return c >= 0x20 && c < 0x7F; });
}

void CheckRequestId(std::string_view value) {
  if (!handler::IsWellFormedRequestId(value)) return;
  Require(!value.empty() && value.size() <= 128, "a request id has 1 to 128 characters");
  Require(ConsistsOf(value, kIdCharacters), "a request id is of letters, digits and . _ -");
}

void CheckTraceparent(std::string_view value) {
  const std::string_view trace_id = handler::ParseTraceId(value);
  if (trace_id.empty()) return;
  Require(trace_id.size() == 32 && ConsistsOf(trace_id, kLowerHex), "a trace id is 32 digits");
  Require(!ConsistsOf(trace_id, "0"), "a trace id is not zero");
  Require(trace_id.data() == value.data() + 3, "the trace id is the caller's");
  Require(
      value.size() <= 55 + 512 && IsPrintable(value) && value.find(' ') == std::string_view::npos,
      "a traceparent is one word of bounded length");
  Require(ConsistsOf(value.substr(0, 55), "0123456789abcdef-"), "its fields are hexadecimal");
  Require(!value.starts_with("ff"), "version ff is none");
  Require(!value.starts_with("00") || value.size() == 55, "version 00 has nothing more");
}

void CheckTracestate(std::string_view value) {
  if (!handler::IsWellFormedTracestate(value)) return;
  Require(!value.empty() && value.size() <= 512 && IsPrintable(value),
          "a tracestate is one line of 1 to 512 characters");
}

void CheckPreviousAttempts(std::string_view value) {
  Require(!handler::HasPreviousAttempts(value) ||
              (ConsistsOf(value, kDigits) && !ConsistsOf(value, "0")),
          "previous attempts are a number above zero");
  Require(!handler::IsProxyRetry(value) || handler::HasPreviousAttempts(value),
          "a proxy's retry is a number above one, so above zero");
}

}  // namespace
}  // namespace evalrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  evalrun::fuzz::CheckRequestId(value);
  evalrun::fuzz::CheckTraceparent(value);
  evalrun::fuzz::CheckTracestate(value);
  evalrun::fuzz::CheckPreviousAttempts(value);
  return 0;
}
