// File: status_code_name.h
//
// The names of gRPC's status codes: `NOT_FOUND` as in the specification, and `NotFound` as
// Prometheus dashboards know them since go-grpc-prometheus.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_STATUS_CODE_NAME_H_
#define EVALRUN_SERVICE_OBSERVABILITY_STATUS_CODE_NAME_H_

#include <string_view>

#include <grpcpp/support/status_code_enum.h>

namespace evalrun::observability {

inline constexpr int kStatusCodeCount = 17;

// For a code outside 0-16: the name of UNKNOWN.
[[nodiscard]] std::string_view StatusCodeName(grpc::StatusCode code);
[[nodiscard]] std::string_view StatusCodeLabel(grpc::StatusCode code);

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_STATUS_CODE_NAME_H_
