// SPDX-License-Identifier: Apache-2.0
//
// File: duration.h
//
// Durations of protobuf as those of std::chrono, and back. Pure.
#ifndef EVALRUN_SERVICE_CONFIG_DURATION_H_
#define EVALRUN_SERVICE_CONFIG_DURATION_H_

#include <chrono>

#include <google/protobuf/duration.pb.h>

namespace evalrun::config {

// For durations up to text::kMaxDuration, which all durations of a loaded configuration are.
// Nanoseconds below a microsecond are cut.
[[nodiscard]] std::chrono::microseconds ToMicroseconds(const google::protobuf::Duration& duration);
[[nodiscard]] google::protobuf::Duration ToProto(std::chrono::microseconds duration);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_DURATION_H_
