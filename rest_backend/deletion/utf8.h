// SPDX-License-Identifier: Apache-2.0
//
// File: utf8.h
//
// Makes untrusted bytes fit for protobuf strings and log lines, which must be valid UTF-8.
#ifndef EVALRUN_REST_BACKEND_DELETION_UTF8_H_
#define EVALRUN_REST_BACKEND_DELETION_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace evalrun::deletion {

// The length in bytes of the well-formed UTF-8 sequence at the start of `s` (Unicode 15, table
// 3-7), 0 when there is none.
[[nodiscard]] std::size_t Utf8SequenceLength(std::string_view s);

// `s` with every byte that is not part of a well-formed sequence replaced by U+FFFD.
[[nodiscard]] std::string ToValidUtf8(std::string_view s);

// The longest prefix of well-formed `s` of at most `max_bytes` that does not cut a sequence.
[[nodiscard]] std::string_view Utf8Prefix(std::string_view s, std::size_t max_bytes);

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_UTF8_H_
