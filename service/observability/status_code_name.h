// SPDX-License-Identifier: Apache-2.0
//
// File: status_code_name.h
//
// The names of gRPC's status codes, which are abseil's: `NOT_FOUND` as in the specification, and
// `NotFound` as Prometheus dashboards know them since go-grpc-prometheus.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_STATUS_CODE_NAME_H_
#define EVALRUN_SERVICE_OBSERVABILITY_STATUS_CODE_NAME_H_

#include <string_view>

#include <absl/status/status.h>

namespace evalrun::observability {

inline constexpr int kStatusCodeCount = 17;

// For a code outside 0-16: the name of UNKNOWN.
[[nodiscard]] std::string_view StatusCodeName(absl::StatusCode code);
[[nodiscard]] std::string_view StatusCodeLabel(absl::StatusCode code);

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_STATUS_CODE_NAME_H_
