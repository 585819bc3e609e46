// SPDX-License-Identifier: Apache-2.0
//
// File: caller_metadata.h
//
// Which of a caller's metadata values are well-formed and may go upstream. Pure functions.
#ifndef EVALRUN_SERVICE_HANDLER_CALLER_METADATA_H_
#define EVALRUN_SERVICE_HANDLER_CALLER_METADATA_H_

#include <string_view>

namespace evalrun::handler {

// 1 to 128 of `A-Z a-z 0-9 . _ -`.
[[nodiscard]] bool IsWellFormedRequestId(std::string_view value);

// The trace id, 32 hexadecimal digits, of a well-formed `traceparent` (W3C Trace Context,
// section 3.2: version 00, or a later one with more after a hyphen); otherwise empty.
[[nodiscard]] std::string_view ParseTraceId(std::string_view traceparent);

// 1 to 512 printable ASCII characters that look like a list of key=value (section 3.3).
[[nodiscard]] bool IsWellFormedTracestate(std::string_view value);

// gRPC's `grpc-previous-rpc-attempts`: true for a number above zero.
[[nodiscard]] bool HasPreviousAttempts(std::string_view value);

// Envoy's `x-envoy-attempt-count`, in which the first attempt is 1: true for a number above one.
[[nodiscard]] bool IsProxyRetry(std::string_view value);

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_CALLER_METADATA_H_
