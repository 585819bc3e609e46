// SPDX-License-Identifier: Apache-2.0
//
// File: attribute_text.h
//
// Text of callers as the value of an attribute. Pure.
#ifndef EVALRUN_SERVICE_TRACING_ATTRIBUTE_TEXT_H_
#define EVALRUN_SERVICE_TRACING_ATTRIBUTE_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace evalrun::tracing {

inline constexpr std::size_t kMaxAttributeBytes = 256;

// At most kMaxAttributeBytes of `text`. Protobuf's strings are UTF-8, and a collector rejects the
// whole batch otherwise: each byte that is not is replaced by U+FFFD, as in the log.
[[nodiscard]] std::string ToAttributeText(std::string_view text);

}  // namespace evalrun::tracing

#endif  // EVALRUN_SERVICE_TRACING_ATTRIBUTE_TEXT_H_
