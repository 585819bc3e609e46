// SPDX-License-Identifier: Apache-2.0
//
// File: health.h
//
// What this server says of its health (gRPC's health checking protocol). Knows no stream.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_HEALTH_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_HEALTH_H_

#include <string_view>

#include "grpc/health/v1/health.pb.h"

namespace evalrun::grpc_adapter {

using HealthStatus = grpc::health::v1::HealthCheckResponse::ServingStatus;

// The status of `service`, a full name; empty: of the server. All that is known serves or does
// not, together: there is one service. SERVICE_UNKNOWN for any other name.
[[nodiscard]] HealthStatus GetHealthStatus(std::string_view service, bool serving);

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_HEALTH_H_
