// SPDX-License-Identifier: Apache-2.0
//
// File: service_names.h
//
// The full names of what is served on the gRPC port.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_SERVICE_NAMES_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_SERVICE_NAMES_H_

namespace evalrun::grpc_adapter {

inline constexpr const char* kEvalRunServiceName = "aymara.evals.v1.EvalRunService";
inline constexpr const char* kHealthServiceName = "grpc.health.v1.Health";
inline constexpr const char* kReflectionServiceName = "grpc.reflection.v1.ServerReflection";
inline constexpr const char* kReflectionAlphaServiceName =
    "grpc.reflection.v1alpha.ServerReflection";

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_SERVICE_NAMES_H_
